/** Runs the cases of test/interop against stock peers: `npm run test:interop [-- PATTERN]`. See docs/interop.md. */

import { runInterop } from '../test/interop/run.ts';

process.exitCode = await runInterop(process.argv[2] ?? '');
