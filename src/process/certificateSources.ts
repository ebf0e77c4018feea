/** From the settings of a gateway or client to the files of its certificates. */

import { existsSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { type CertificateSettings, gatewayCertificates } from '../config/certificateSchema.ts';
import type { ClientSettings } from '../config/clientSchema.ts';
import type { GatewaySettings } from '../config/schema.ts';
import { StartError } from '../driver/openPorts.ts';
import { caFiles } from './certificateAuthority.ts';
import type { CertificateSources } from './certificateService.ts';
import { readSecretFile } from './gatewayConfig.ts';

export interface SourceContext {
  /** Relative paths count from here: the configuration file, or undefined. */
  readonly configFile?: string;
  warn(text: string): void;
}

/**
 * The certificates that the configuration names, else those that `sallyport ca` has made in the state directory.
 * @param authority where it makes them; relative to the working directory
 * @returns undefined where there are neither
 * @throws StartError as `gatewayCertificateSources`
 */
export function certificateSourcesOf(
  { certificates }: Pick<GatewaySettings, 'certificates'>,
  authority: string,
  context: SourceContext,
): CertificateSources | undefined {
  if (certificates !== undefined) return gatewayCertificateSources(certificates, context);
  if (!existsSync(caFiles(authority).server)) return undefined;
  return gatewayCertificateSources(gatewayCertificates.parse({ authority: resolve(authority) }), context);
}

/** @throws StartError for a directory of `authority` without a server certificate, or a password file that cannot be read */
export function gatewayCertificateSources(settings: CertificateSettings, context: SourceContext): CertificateSources {
  const at = (path: string) => (context.configFile === undefined ? path : resolve(dirname(context.configFile), path));
  const { authority, certificate, key, password_file, more } = settings;
  const ours = certificate === undefined ? [] : [{ certificate, key, password_file }];
  const named = [...ours, ...more].map((one, i) => ({
    name: `certificate-${i + 1}`,
    field: i === 0 && certificate !== undefined ? 'certificates' : `certificates.more[${i - ours.length}]`,
    certificate: at(one.certificate),
    ...(one.key === undefined ? {} : { key: at(one.key) }),
    ...(one.password_file === undefined ? {} : { password: readSecretFile(at(one.password_file), context.warn) }),
  }));
  const own = authority === undefined ? undefined : authorityFiles(at(authority));
  return {
    credentials: [...(own === undefined ? [] : [own.credential]), ...named],
    ca: [...(own === undefined ? [] : [own.root]), ...settings.ca.map(at)],
    crl: [...(own === undefined ? [] : [own.crl]), ...settings.crl.map(at)],
    revocation: settings.revocation,
    commonName: settings.common_name,
    fetchFrom: settings.fetch_from,
    warnBefore: settings.warn_before,
  };
}

/** Undefined where the client has neither a certificate nor an authority to trust. */
export function clientCertificateSources(
  settings: ClientSettings,
  warn: (text: string) => void,
): CertificateSources | undefined {
  const { certificate, key, certificate_password_file: passwordFile, ca } = settings;
  if (certificate === undefined && ca.length === 0) return undefined;
  const credential = {
    name: 'certificate',
    field: 'profile',
    certificate: certificate!,
    ...(key === undefined ? {} : { key }),
    ...(passwordFile === undefined ? {} : { password: readSecretFile(passwordFile, warn) }),
  };
  return {
    credentials: certificate === undefined ? [] : [credential],
    ca,
    crl: settings.crl,
    revocation: settings.revocation,
    commonName: settings.common_name,
    fetchFrom: settings.fetch_from,
    warnBefore: CLIENT_WARNS_BEFORE,
    trustOwnBox: true,
  };
}

/** Two weeks. */
const CLIENT_WARNS_BEFORE = 14 * 86_400;

/** The files of `sallyport ca` that a gateway uses. */
function authorityFiles(directory: string) {
  // The state directory is as good as the directory of the authority inside of it.
  const inside = join(directory, 'ca');
  const files = caFiles(existsSync(inside) && statSync(inside).isDirectory() ? inside : directory);
  if (!existsSync(files.server)) {
    throw new StartError({
      code: 'certificate-file',
      reason: `certificates.authority: there is no server certificate in ${directory}`,
      remedy: 'Make one with `sallyport ca issue vpn.example.org --server`, or correct the directory.',
    });
  }
  const { server: certificate, root, crl } = files;
  return { credential: { name: 'authority', field: 'certificates.authority', certificate }, root, crl };
}
