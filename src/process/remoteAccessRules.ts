/** What a gateway's settings and certificates make of remote access over IKEv2. */

import type { RemoteAccessMethod } from '../config/remoteAccessSchema.ts';
import type { GatewaySettings } from '../config/schema.ts';
import { StartError } from '../driver/openPorts.ts';
import type { RemoteAccessRules } from '../gateway/remoteAccess.ts';
import type { CertificateService } from './certificateService.ts';

type Certificates = Pick<CertificateService, 'credentials' | 'tls'>;

/** Whether any address of the gateway speaks IKEv2 and lets clients have tunnels of their own. */
export function offersRemoteAccess({ remote_access, ike, listeners }: GatewaySettings): boolean {
  const sections = [ike, ...listeners.map((listener) => listener.ike)];
  return remote_access.enabled && sections.some((section) => section?.versions.includes(2));
}

/**
 * What users may log in with inside IKEv2: nothing without a certificate of ours, since a password is given to nobody who
 * has not said first who they are.
 * @throws StartError where the configuration wants more than there are certificates for
 */
export function remoteAccessMethods(
  settings: GatewaySettings,
  certificates: Certificates | undefined,
): readonly RemoteAccessMethod[] {
  const { eap } = settings.remote_access;
  if (!offersRemoteAccess(settings)) return [];
  if (certificates === undefined || certificates.credentials.length === 0) {
    if (eap === undefined || eap.length === 0) return [];
    throw new StartError({
      code: 'no-credential',
      reason: 'remote_access.eap names methods, and the gateway has no certificate to prove itself with',
      remedy:
        'Make one with `sallyport ca init --server NAME`, name it in `certificates`, or set remote_access.eap to [].',
    });
  }
  const trusts = (certificates.tls?.ca.length ?? 0) > 0;
  return eap ?? (trusts ? ['eap-mschapv2', 'eap-tls'] : ['eap-mschapv2']);
}

/** What the gateway's core is told; `false`: IKEv2 carries L2TP alone. */
export function remoteAccessRules(
  settings: GatewaySettings,
  certificates: Certificates | undefined,
): RemoteAccessRules | false {
  if (!offersRemoteAccess(settings)) return false;
  const { subnets, domains, pre_shared_key: preSharedKey } = settings.remote_access;
  const methods = remoteAccessMethods(settings, certificates);
  return { eap: { methods, needsKey: makesKeys(methods) }, subnets, domains, preSharedKey };
}

/** Whether each of them ties itself to the tunnel; the others are believed for the gateway's certificate alone. */
export const makesKeys = (methods: readonly RemoteAccessMethod[]): boolean => !methods.includes('eap-gtc');
