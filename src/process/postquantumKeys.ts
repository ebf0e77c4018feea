/** Post-quantum pre-shared keys as configurations hold them: text, hexadecimal or base64, each under an id. RFC 8784. */

import type { ClientSettings } from '../config/clientSchema.ts';
import type { GatewayPpkSettings } from '../config/postquantumSchema.ts';
import { StartError } from '../driver/openPorts.ts';
import { sameIdentity } from '../ike/identity.ts';
import type { Identity } from '../ike/index.ts';
import type { PostquantumKeys } from '../ike/v2/index.ts';
import { fromHex, utf8 } from '../wire/index.ts';

export type { PostquantumKeys };

/** Shorter keys are guessed by a quantum computer, and then by others. Bytes. */
const SHORTEST = 16;
/** RFC 8784 §6 wants 256 bits of entropy: Grover's search halves them. */
const ADVISED = 32;

export interface PpkContext {
  /** The text of a secret, given in place or in a file. */
  secret(given: string | undefined, file: string | undefined): string;
  identityOf(text: string): Identity;
  warn(text: string): void;
}

interface Entry {
  readonly key: Uint8Array;
  readonly identity: Identity | undefined;
}

/** @throws StartError for a key that is none, is too short, or whose id is taken */
export function gatewayPpks(
  settings: GatewayPpkSettings | undefined,
  context: PpkContext,
): Pick<PostquantumKeysOf, 'postquantumKeys'> {
  if (settings === undefined) return {};
  const entries = new Map<string, Entry>();
  const add = (id: string, text: string, identity?: string) => {
    if (entries.has(id)) throw new StartError(twice(id));
    entries.set(id, {
      key: ppkOf(text, id, context.warn),
      identity: identity === undefined ? undefined : context.identityOf(identity),
    });
  };
  for (const { id, secret, secret_file: file, identity } of settings.keys) {
    add(id, context.secret(secret, file), identity);
  }
  if (settings.file !== undefined) {
    const { file } = settings;
    for (const [id, text] of pairsIn(context.secret(undefined, file), file)) add(id, text);
  }
  if (settings.required && entries.size === 0) throw new StartError(NONE);
  const keyFor = (id: string, peer?: Identity) => {
    const entry = entries.get(id);
    if (entry?.identity === undefined) return entry?.key;
    return peer !== undefined && sameIdentity(entry.identity, peer) ? entry.key : undefined;
  };
  return entries.size === 0 ? {} : { postquantumKeys: { keyFor, required: settings.required } };
}

interface PostquantumKeysOf {
  readonly postquantumKeys?: PostquantumKeys;
}

/**
 * The key of a client; undefined where it has none.
 * @throws StartError where one of id and file is missing, with IKEv1, or for a key that is none
 */
export function clientPpk(
  settings: Pick<ClientSettings, 'ppk_id' | 'ppk_file' | 'ppk_required' | 'ike_version' | 'ipsec'>,
  readFile: (file: string) => string,
  warn: (text: string) => void,
): PostquantumKeys | undefined {
  const { ppk_id: id, ppk_file: file, ppk_required: required, ike_version: version, ipsec } = settings;
  if (id === undefined && file === undefined && !required) return undefined;
  if (id === undefined || file === undefined) throw new StartError(INCOMPLETE);
  if (version !== 2 || !ipsec) throw new StartError(NOT_IKEV2);
  const key = ppkOf(readFile(file), id, warn);
  return { id, keyFor: (asked) => (asked === id ? key : undefined), required };
}

/** `0x…` is hexadecimal, `0s…` base64, everything else the key itself. */
function ppkOf(text: string, id: string, warn: (text: string) => void): Uint8Array {
  const written = text.trim();
  const key = decoded(written);
  if (key === undefined) throw new StartError(unreadable(id));
  if (key.length < SHORTEST) throw new StartError(short(id, key.length));
  if (key.length < ADVISED) {
    warn(`The post-quantum pre-shared key ${JSON.stringify(id)} has ${key.length} bytes; RFC 8784 advises ${ADVISED}.`);
  }
  return key;
}

function decoded(text: string): Uint8Array | undefined {
  if (/^0x/i.test(text)) {
    const digits = text.slice(2);
    return digits.length % 2 === 0 && /^[0-9a-f]+$/i.test(digits) ? fromHex(digits.toLowerCase()) : undefined;
  }
  if (!/^0s/i.test(text)) return utf8(text);
  const base64 = text.slice(2);
  return /^[A-Za-z0-9+/]+={0,2}$/.test(base64) ? new Uint8Array(Buffer.from(base64, 'base64')) : undefined;
}

/** @throws StartError for a line that is no pair */
function pairsIn(text: string, file: string): [string, string][] {
  return text.split(/\r?\n/).flatMap((line, i): [string, string][] => {
    const words = line.trim();
    if (words === '' || words.startsWith('#')) return [];
    const pair = /^(\S+)\s+(\S.*)$/.exec(words);
    if (pair === null) throw new StartError(noPair(file, i + 1));
    return [[pair[1]!, pair[2]!]];
  });
}

const MAKE = '`echo 0x$(openssl rand -hex 32)` makes a good one.';

const short = (id: string, length: number) => ({
  code: 'short-ppk',
  reason: `the post-quantum pre-shared key ${JSON.stringify(id)} has ${length} bytes, which can be guessed`,
  remedy: `Take ${ADVISED} or more; ${MAKE}`,
});

const unreadable = (id: string) => ({
  code: 'bad-ppk',
  reason: `the post-quantum pre-shared key ${JSON.stringify(id)} is neither hexadecimal behind 0x nor base64 behind 0s`,
  remedy: `Write it so, or as text without such a prefix; ${MAKE}`,
});

const twice = (id: string) => ({
  code: 'bad-ppk',
  reason: `there are two post-quantum pre-shared keys with the id ${JSON.stringify(id)}`,
  remedy: 'Give each an id of its own in ike.ppk.keys and ike.ppk.file.',
});

const noPair = (file: string, line: number) => ({
  code: 'bad-ppk',
  reason: `${file}:${line} is not an id and a post-quantum pre-shared key with blanks between`,
  remedy: `Write the id, a blank and the key; ${MAKE}`,
});

const NONE = {
  code: 'no-ppk',
  reason: 'ike.ppk.required is set, and there is no post-quantum pre-shared key',
  remedy: 'Name keys in ike.ppk.keys or ike.ppk.file.',
};

const INCOMPLETE = {
  code: 'no-ppk',
  reason: 'a post-quantum pre-shared key needs an id and a file',
  remedy: 'Give both: --ppk-id and --ppk-file.',
};

const NOT_IKEV2 = {
  code: 'ppk-needs-ikev2',
  reason: 'IKEv1 knows no post-quantum pre-shared keys',
  remedy: 'Connect with --ikev2, or without --ppk-id.',
};
