/** Runs the cases of test/interop against stock peers: `npm run test:interop [-- PATTERN]`. See docs/interop.md. */

import { compiledProgram } from '../bench/compiled.ts';
import { runInterop } from '../test/interop/run.ts';

// As it is published: from the sources each of the many starts costs seconds of a processor.
process.env.SALLYPORT_PROGRAM ??= compiledProgram();

process.exitCode = await runInterop(process.argv[2] ?? '');
