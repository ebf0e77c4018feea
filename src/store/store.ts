/** What the gateway keeps between starts. One interface, so that another database can stand behind it. */

/** A user as it is kept: `secrets` is sealed with the key file of the state directory. */
export interface StoredUser {
  readonly name: string;
  /** `scrypt$N$r$p$salt$hash`, judged for PAP alone. */
  readonly passwordHash: string;
  /** AES-256-GCM of the NT hash and, where CHAP-MD5 is wanted, the password itself. */
  readonly sealedSecrets: Uint8Array;
  /** The user's own inner IPv4 address. */
  readonly address?: string;
  readonly disabled: boolean;
  /** Instead of the gateway's rule for users who connect again. */
  readonly singleSession?: 'replace' | 'deny' | 'allow';
  /** Seconds, instead of the gateway's; 0 is without end. */
  readonly sessionTimeout?: number;
  readonly idleTimeout?: number;
  /** Bits a second that a session may carry to the user and from it, instead of the gateway's; 0 is without bound. */
  readonly rateDown?: number;
  readonly rateUp?: number;
  /** Seconds since the Unix epoch. */
  readonly createdAt: number;
}

/** The setting that names the user whose generated password the connection card shows. */
export const CARD_USER = 'card-user';

export interface Store {
  users(): StoredUser[];
  user(name: string): StoredUser | undefined;
  /** Adds a user, or replaces the one of that name. */
  putUser(user: StoredUser): void;
  /** @returns false when there was none */
  removeUser(name: string): boolean;
  setting(name: string): string | undefined;
  putSetting(name: string, value: string): void;
  removeSetting(name: string): void;
  close(): void;
}
