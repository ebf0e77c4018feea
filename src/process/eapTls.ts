/** The TLS engine of EAP-TLS in a running gateway or client: its certificates are those of IKE. */

import type { ClientSettings } from '../config/clientSchema.ts';
import type { GatewaySettings } from '../config/schema.ts';
import { StartError } from '../driver/openPorts.ts';
import { NodeTlsEngine } from '../driver/tls/index.ts';
import type { CertificateService } from './certificateService.ts';
import { remoteAccessMethods } from './remoteAccessRules.ts';

export interface EapTlsRules {
  readonly maxVersion: '1.2' | '1.3';
  /** Default: yes. */
  readonly resumption?: boolean;
  /** As client: what the server's certificate must be for; default: any name. */
  readonly serverName?: string | undefined;
}

type ClientTlsSettings = Pick<
  ClientSettings,
  'tls_max_version' | 'tls_server_name' | 'eap_only' | 'server' | 'server_identity'
>;

/** Where nothing but EAP proves the server, its certificate there must be for the one that was meant. */
export function clientTlsRules(settings: ClientTlsSettings): EapTlsRules {
  const { tls_max_version: maxVersion, eap_only: eapOnly, server, server_identity: identity = server } = settings;
  return { maxVersion, serverName: settings.tls_server_name ?? (eapOnly ? identity : undefined) };
}

/**
 * What a gateway needs, undefined where no user logs in by EAP-TLS.
 * @throws StartError where EAP-TLS is wanted and cannot be
 */
export function gatewayTlsEngine(
  settings: GatewaySettings,
  certificates: CertificateService | undefined,
): NodeTlsEngine | undefined {
  const { eap, ppp } = settings;
  const methods = [...ppp.authentication, ...remoteAccessMethods(settings, certificates)];
  if (!methods.includes('eap-tls')) return undefined;
  return eapTlsEngine('server', certificates, { maxVersion: eap.tls_max_version, resumption: eap.tls_resumption });
}

/** @throws StartError where there is no certificate of ours or no authority that is trusted */
export function eapTlsEngine(
  role: 'server' | 'client',
  certificates: Pick<CertificateService, 'tls' | 'verifyChain'> | undefined,
  { maxVersion, resumption = true, serverName }: EapTlsRules,
): NodeTlsEngine {
  if (certificates?.tls === undefined || certificates.tls.ca.length === 0) throw new StartError(NOT_SET_UP);
  return new NodeTlsEngine({
    [role]: {
      material: () => certificates.tls,
      maxVersion: maxVersion === '1.2' ? 'TLSv1.2' : 'TLSv1.3',
      resumption,
      ...(serverName === undefined ? {} : { serverName }),
      verifyChain: (chain: readonly Uint8Array[], purpose: 'server' | 'client') => {
        const verdict = certificates.verifyChain(chain, purpose);
        return verdict.ok ? undefined : verdict.failure;
      },
    },
  });
}

const NOT_SET_UP = {
  code: 'tls-not-configured',
  reason: 'eap-tls is among the methods, but there is no certificate with its key, or no trusted authority',
  remedy: 'Name certificate, key and ca in the configuration, or take eap-tls from the list.',
};
