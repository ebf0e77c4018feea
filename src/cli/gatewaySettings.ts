/** What a gateway is run with: its configuration, or the defaults where none is named. */

import type { GatewaySettings } from '../config/schema.ts';

/** @throws ConfigError for a file that cannot be read, breaks the schema, or is a profile of a client */
export async function gatewaySettings(file: string | undefined): Promise<GatewaySettings> {
  const [{ loadConfig, parseConfig }, { readAs }] = await Promise.all([
    import('../config/load.ts'),
    import('../config/configReader.ts'),
  ]);
  return file === undefined ? parseConfig('', 'embedded default') : readAs('serve', file, loadConfig);
}
