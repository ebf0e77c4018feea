/** What a client's configuration is made from, and the checks that every format shares. */

export type SetupProtocol = 'l2tp' | 'ikev2';

export interface SetupFacts {
  readonly protocol: SetupProtocol;
  /** What the connection is called on the client. */
  readonly name: string;
  /** The name or address under which the client reaches the gateway. */
  readonly server: string;
  /** The identity that the gateway's certificate carries; usually `server`. */
  readonly serverIdentity: string;
  readonly user: string;
  /** Absent: the client asks for it. */
  readonly password?: string;
  /** L2TP: the pre-shared key. */
  readonly psk?: string;
  /** IKEv2: the authority that issued the gateway's certificate; absent where the client knows it anyway. */
  readonly authority?: { readonly pem: string; readonly der: Uint8Array; readonly commonName: string };
  /** IKEv2: the user's own certificate instead of a password. */
  readonly certificate?: {
    /** Certificate, key and issuer together, opened with `password`. */
    readonly pkcs12: Uint8Array;
    readonly password: string;
    readonly certificatePem: string;
    readonly keyPem: string;
    /** What the key is, for clients that must be told. */
    readonly key: 'rsa' | 'ecdsa-p256';
  };
  /** Largest packet inside the tunnel, bytes. */
  readonly mtu: number;
  /** A UUID for each purpose: the same for the same connection and purpose, so that a profile replaces its forerunner. */
  uuid(purpose: string): string;
}

export interface SetupFile {
  readonly name: string;
  readonly content: string | Uint8Array;
}

export interface ClientSetup {
  /** All of them hold secrets, or tell where to log in: 0600. */
  readonly files: readonly SetupFile[];
  /** What is to be done with them, one step a line. */
  readonly steps: readonly string[];
}

/** @throws RangeError for a control character: a line end would begin a setting of its own in most formats */
export function checkText({ name, server, serverIdentity, user, password, psk }: SetupFacts): void {
  for (const [what, text] of Object.entries({ name, server, serverIdentity, user, password, psk })) {
    if (text === undefined) continue;
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    if (/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/.test(text)) {
      throw new RangeError(`the ${what} holds a control character, which no client’s configuration can carry`);
    }
  }
  if (!/^[A-Za-z0-9._:-]+$/.test(server)) throw new RangeError(`${JSON.stringify(server)} is no name or address`);
}

/** @throws RangeError naming what is missing */
export function needed<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new RangeError(`${what} is needed for this and was not given`);
  return value;
}

/** The last step, and why: a file with a key, password or certificate in it is not to lie about. */
export function deleteStep({ protocol, password, certificate }: SetupFacts, what: 'file' | 'script'): string {
  const holdsSecrets = protocol === 'l2tp' || password !== undefined || certificate !== undefined;
  return `Delete the ${what}${holdsSecrets ? ': it holds secrets' : ''}.`;
}

/** The name as part of a file's name. */
export function fileName({ name, user }: SetupFacts, ending: string): string {
  return `${`${name}-${user}`.replace(/[^A-Za-z0-9.-]+/g, '-')}${ending}`;
}

export function base64(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}

export const base64Text = (text: string): string => base64(new TextEncoder().encode(text));
