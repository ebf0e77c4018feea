/** What a connection is made with: a profile or a server's name, the options of the command line, and the secrets named. */

import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { ClientSettings } from '../config/clientSchema.ts';
import type { CertificateService } from '../process/certificateService.ts';
import type { Log } from '../process/logger.ts';
import type { PostquantumKeys } from '../process/postquantumKeys.ts';

/** Options that say what keys of a profile say. */
export interface ProfileOptions {
  readonly user?: string;
  readonly pskFile?: string;
  readonly passwordFile?: string;
  readonly certificate?: string;
  readonly key?: string;
  readonly certificatePasswordFile?: string;
  readonly ca?: string[];
  readonly serverIdentity?: string;
  readonly ikev2?: boolean;
  readonly ppkId?: string;
  readonly ppkFile?: string;
  readonly ppkRequired?: boolean;
  readonly followRedirects?: boolean;
  readonly tunnel?: 'native' | 'l2tp';
  readonly ipsec?: boolean;
  readonly routes?: string[];
  readonly defaultRoute?: boolean;
  readonly dns?: boolean;
  readonly persist?: boolean;
  readonly killSwitch?: boolean;
  readonly allowIpv6?: boolean;
  readonly auth?: string[];
  readonly profile?: 'strict' | 'compatible' | 'legacy';
  readonly forceEncapsulation?: boolean;
}

export interface Secrets {
  readonly password: string;
  readonly psk: string | undefined;
  readonly ppk: PostquantumKeys | undefined;
}

/** The profile that a word means: a YAML file, or a name in ~/.config/sallyport. Undefined: the word is a server. */
export function profileFile(word: string): string | undefined {
  if (/\.ya?ml$/.test(word)) return word;
  const home = join(process.env.XDG_CONFIG_HOME ?? join(homedir(), '.config'), 'sallyport', `${word}.yaml`);
  return !word.includes('/') && existsSync(home) ? home : undefined;
}

/** @throws ConfigError */
export async function settingsOf(
  base: { readonly server: string } | { readonly file: string },
  options: ProfileOptions,
): Promise<ClientSettings> {
  const [
    { ClientSchema, loadClientProfile, overlaid },
    { ConfigError, fieldName, issueText },
    { readAs },
    { wantsUser },
  ] = await Promise.all([
    import('../config/clientSchema.ts'),
    import('../config/load.ts'),
    import('../config/configReader.ts'),
    import('../process/clientIkeV2.ts'),
  ]);
  const given = flagsOf(options);
  const values = 'file' in base ? readAs('connect', base.file, loadClientProfile) : { server: base.server };
  const result = ClientSchema.safeParse(overlaid(values, given), { reportInput: true });
  const at = { file: 'file' in base ? base.file : 'command line', line: 0 };
  if (!result.success) {
    throw new ConfigError(
      result.error.issues.map((issue) => ({
        ...at,
        // A profile's own keys were found valid before.
        ...(String(issue.path[0]) in given ? { file: 'command line' } : {}),
        field: fieldName(issue.path),
        message: issue.code === 'invalid_type' ? 'is missing.' : issueText(issue),
      })),
    );
  }
  const settings = result.data;
  if (settings.user === undefined && wantsUser(settings) !== 'no') {
    throw new ConfigError([{ ...at, field: 'user', message: 'is missing. Name it with --user, or in a profile.' }]);
  }
  return settings;
}

function flagsOf(options: ProfileOptions): Record<string, unknown> {
  const { user, pskFile, passwordFile, routes, defaultRoute, dns, auth, profile, forceEncapsulation } = options;
  const { persist, killSwitch, allowIpv6, ikev2, tunnel, ppkId, ppkFile, ppkRequired } = options;
  const { certificate, key, certificatePasswordFile, ca, serverIdentity } = options;
  const flags = {
    user,
    psk_file: pskFile,
    password_file: passwordFile,
    ike_version: ikev2 ? 2 : undefined,
    tunnel,
    ppk_id: ppkId,
    ppk_file: ppkFile,
    ppk_required: ppkRequired,
    certificate,
    key,
    certificate_password_file: certificatePasswordFile,
    ca,
    server_identity: serverIdentity,
    routes,
    default_route: defaultRoute,
    dns,
    persist,
    kill_switch: killSwitch,
    allow_ipv6: allowIpv6,
    auth,
    profile,
    force_encapsulation: forceEncapsulation,
    ...(options.ipsec === false ? { ipsec: false } : {}),
    ...(options.followRedirects === false ? { follow_redirects: false } : {}),
  };
  return Object.fromEntries(Object.entries(flags).filter(([, value]) => value !== undefined));
}

/**
 * @param ask for a password that neither the profile nor an option holds; undefined where nobody can be asked
 * @throws StartError for a secret that is missing or cannot be read
 */
export async function secretsOf(
  settings: ClientSettings,
  warn: (text: string) => void,
  ask: () => Promise<string | undefined>,
): Promise<Secrets> {
  const [{ readSecretFile }, { StartError }, { ikeV2Mode, wantsUser }, { clientPpk }] = await Promise.all([
    import('../process/gatewayConfig.ts'),
    import('../driver/openPorts.ts'),
    import('../process/clientIkeV2.ts'),
    import('../process/postquantumKeys.ts'),
  ]);
  const ppk = clientPpk(settings, (file) => readSecretFile(file, warn), warn);
  const psk = settings.psk ?? (settings.psk_file === undefined ? undefined : readSecretFile(settings.psk_file, warn));
  const methods = settings.ike_authentication ?? (settings.certificate === undefined ? ['psk'] : ['certificate']);
  const mode = ikeV2Mode(settings);
  const wantsPsk = mode === undefined ? methods.includes('psk') : mode.authenticate === 'pre-shared-key';
  if (settings.ipsec && psk === undefined && wantsPsk) {
    throw new StartError({
      code: 'no-psk',
      reason: 'no pre-shared key was given, and no certificate',
      remedy: 'Name a file that holds the key with --psk-file, or a certificate with --certificate.',
    });
  }
  const password =
    settings.password ??
    (wantsUser(settings) === 'password' ? undefined : '') ??
    (settings.password_file === undefined ? await ask() : readSecretFile(settings.password_file, warn));
  if (password === undefined) {
    throw new StartError({
      code: 'no-password',
      reason: 'no password was given',
      remedy: 'Name a file that holds it with --password-file.',
    });
  }
  return { password, psk: settings.ipsec ? psk : undefined, ppk };
}

/** Undefined where the client has no certificate and trusts no authority. @throws StartError */
export async function certificatesOf(settings: ClientSettings, log: Log): Promise<CertificateService | undefined> {
  const { clientCertificateSources } = await import('../process/certificateSources.ts');
  const sources = clientCertificateSources(settings, (text) => log.warn('config', text));
  if (sources === undefined) return undefined;
  const { CertificateService } = await import('../process/certificateService.ts');
  return new CertificateService(sources, log);
}
