/** How much a running command tells, and in which form. */

import { Option } from 'commander';

/** `--log`, `--log-level` and `--keylog`, in the order of the help. */
export function logOptions(): readonly Option[] {
  return [
    new Option('--log <format>', 'log format').choices(['pretty', 'json']).default('pretty'),
    new Option('--log-level <level>', 'least level; debug shows every message')
      .choices(['debug', 'info', 'warn', 'error'])
      .default('info'),
    new Option('--keylog <dir>', 'write keys for Wireshark (decrypts everything; for tests only)'),
  ];
}
