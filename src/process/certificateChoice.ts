/** What an IKE core is told of certificates: whether it uses them, which, and under which identity. */

import { StartError } from '../driver/openPorts.ts';
import { identityFailure } from '../driver/x509/index.ts';
import type { Identity } from '../ike/output.ts';
import type { Credential, TrustAnchor } from '../ike/signature.ts';
import type { CertificateService } from './certificateService.ts';

/** How both ends of IKE prove themselves, as the configuration says it. */
export type IkeAuthentication = readonly ('psk' | 'certificate')[];

/** A part of the configuration of either IKE version's core. */
export interface CertificateChoice {
  readonly credentials: readonly Credential[];
  readonly trustAnchors: readonly TrustAnchor[];
  readonly accept: readonly ('pre-shared-key' | 'signature')[];
  readonly certificateIdentity?: Identity;
}

type Certificates = Pick<CertificateService, 'credentials' | 'trustAnchors' | 'certificates'>;

/**
 * @param given the configuration's list; undefined for the default
 * @param fallback what counts where there is a certificate and no list
 * @param field of the configuration, for the sentence that says what is missing
 * @throws StartError where certificates are demanded and there is none
 */
export function certificateChoice(
  certificates: Certificates | undefined,
  given: IkeAuthentication | undefined,
  fallback: IkeAuthentication,
  context: { readonly field: string; readonly identity: Identity | undefined; warn(text: string): void },
): CertificateChoice {
  const methods = given ?? (certificates === undefined || certificates.credentials.length === 0 ? ['psk'] : fallback);
  if (methods.includes('certificate') && (certificates?.credentials.length ?? 0) === 0) {
    throw new StartError({
      code: 'no-credential',
      reason: `${context.field} names certificate, and there is no certificate of ours`,
      remedy: 'Name certificate and key, or take certificate from the list.',
    });
  }
  const accept = methods.map((method) => (method === 'psk' ? 'pre-shared-key' : 'signature'));
  if (certificates === undefined || !methods.includes('certificate')) {
    return { credentials: [], trustAnchors: [], accept };
  }
  const { credentials, trustAnchors } = certificates;
  const { identity } = context;
  const [first] = certificates.certificates;
  const wrong = identity && first && identityFailure(first, identity, false);
  if (wrong) context.warn(`Peers will refuse our identity: ${wrong.reason}. ${wrong.remedy ?? ''}`);
  return { credentials, trustAnchors, accept, ...(identity === undefined ? {} : { certificateIdentity: identity }) };
}
