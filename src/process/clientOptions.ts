/** What the process of a client is started with, and what it comes to. */

import type { ClientSettings } from '../config/clientSchema.ts';
import type { Failure } from '../core/index.ts';
import type { PostquantumKeys } from '../ike/v2/index.ts';
import type { SessionView } from '../session/record.ts';
import type { CertificateService } from './certificateService.ts';
import type { Log } from './logger.ts';

export interface ClientProcessOptions {
  readonly settings: ClientSettings;
  readonly password: string;
  /** Absent exactly without IPsec. */
  readonly psk: string | undefined;
  /** A post-quantum key that goes into IKEv2's. */
  readonly ppk?: PostquantumKeys | undefined;
  /** File of its own for the journal of host changes. */
  readonly journal: string;
  readonly log: Log;
  readonly keyLog?: string;
  /** Ours, and whom we trust; EAP-TLS needs them. */
  readonly certificates?: CertificateService | undefined;
}

/** How a client ended. */
export interface ClientEnd {
  readonly reason: Failure;
  /** Of its last connection; absent where there was none. */
  readonly view: SessionView | undefined;
}
