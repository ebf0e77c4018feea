/** What `sallyport serve` and `sallyport connect` refuse before they begin, said without beginning. */

import { CertificateService } from '../process/certificateService.ts';
import { certificateSourcesOf } from '../process/certificateSources.ts';
import { clientConfig } from '../process/clientConfig.ts';
import { clientTlsRules, eapTlsEngine, gatewayTlsEngine } from '../process/eapTls.ts';
import { gatewayConfig } from '../process/gatewayConfig.ts';
import { keptTickets } from '../process/keptTickets.ts';
import type { Log } from '../process/logger.ts';
import { authorityIn, defaultStateDirectory } from '../process/stateDirectory.ts';
import { certificatesOf, secretsOf, settingsOf } from './clientSettings.ts';
import { gatewaySettings } from './gatewaySettings.ts';

type Warn = (text: string) => void;

/**
 * @param state the state directory, where one was named
 * @throws ConfigError, StartError
 */
export async function checkGateway(file: string, state: string | undefined, warn: Warn): Promise<void> {
  const settings = await gatewaySettings(file);
  const authority = authorityIn(state ?? defaultStateDirectory());
  const sources = certificateSourcesOf(settings, authority, { configFile: file, warn });
  const certificates = sources === undefined ? undefined : new CertificateService(sources, saying(warn));
  try {
    gatewayConfig(settings, {
      configFile: file,
      defaultPsk: () => 'the key of the state directory',
      dns: [],
      reserved: new Map(),
      keyLog: false,
      certificates,
      warn,
    });
    gatewayTlsEngine(settings, certificates)?.close();
  } finally {
    certificates?.close();
  }
}

/** @throws ConfigError, StartError */
export async function checkProfile(file: string, warn: Warn): Promise<void> {
  const settings = await settingsOf({ file }, {});
  const secrets = await secretsOf(settings, warn, async () => 'what is typed then');
  const certificates = await certificatesOf(settings, saying(warn));
  try {
    if (settings.auth.includes('eap-tls')) eapTlsEngine('client', certificates, clientTlsRules(settings)).close();
    const tickets = keptTickets(settings, saying(warn));
    clientConfig({ settings, ...secrets, certificates, tickets }, settings.server, NO_WAY, {}, false);
  } finally {
    certificates?.close();
  }
}

/** Nobody goes anywhere. */
const NO_WAY = { source: '0.0.0.0', device: '', mtu: 1500, local: false };

/** A log of warnings alone. */
function saying(warn: Warn): Log {
  const say = (_event: string, text: string) => warn(text);
  return { isVerbose: false, entry: () => {}, info: () => {}, warn: say, error: say, flush: () => {} };
}
