/** What the TLS engine of EAP is told. */

import type { Failure } from '../../core/index.ts';
import type { TlsVersion } from '../../eap/tlsSession.ts';

/**
 * Judges a peer's certificates in place of Node's own check: is the chain to be trusted for that purpose, and for that
 * name where one is wanted?
 * @param chain DER, the peer's own first
 */
export type VerifyChain = (
  chain: readonly Uint8Array[],
  purpose: 'server' | 'client',
  name: string | undefined,
) => Failure | undefined;

/** In PEM. */
export interface TlsMaterial {
  /** Our certificate, the intermediate ones behind it. */
  readonly cert: string;
  readonly key: string;
  /** The authorities that a peer's certificate must come from. */
  readonly ca: readonly string[];
}

/** One role of ours. */
export interface TlsRole {
  /** Asked for each session, as files may change. Undefined: there is no certificate. */
  material(): TlsMaterial | undefined;
  /** Default TLSv1.3; some clients fail with it in EAP. */
  readonly maxVersion?: TlsVersion;
  /** Default TLSv1.2. */
  readonly minVersion?: TlsVersion;
  /** As client: a name that the server's certificate must bear; default: any name of an authority's. */
  readonly serverName?: string;
  /** Whether sessions may be resumed by tickets. Default yes. */
  readonly resumption?: boolean;
  readonly verifyChain?: VerifyChain;
}

export interface TlsSettings {
  /** Absent: no EAP-TLS as a server. */
  readonly server?: TlsRole;
  readonly client?: TlsRole;
  /** Sessions at once. Default 1000. */
  readonly mostSessions?: number;
  /** Idle time after which a session is dropped. Milliseconds; default 60 s. */
  readonly patience?: number;
}
