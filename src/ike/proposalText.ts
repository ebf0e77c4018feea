/** Proposals as people write them in config files: `aes256-sha256-modp2048`, `aes128gcm16`, `3des-sha1`. */

import type { ClassicGroupName, HashName } from '../crypto/index.ts';
import type { EspEncryption, EspIntegrity } from '../esp/suite.ts';
import type { EspProposal, IkeProposal } from './proposal.ts';

/** A proposal string that is none. The message names the word, what is wrong with it, and the nearest valid word. */
export class ProposalSyntaxError extends Error {
  readonly proposal: string;
  readonly word: string | undefined;
  readonly nearest: string | undefined;

  constructor(proposal: string, problem: string, word?: string, nearest?: string) {
    super(`proposal '${proposal}': ${problem}${nearest === undefined ? '' : ` (did you mean '${nearest}'?)`}`);
    this.name = 'ProposalSyntaxError';
    this.proposal = proposal;
    this.word = word;
    this.nearest = nearest;
  }
}

/** IKEv1 has no number for ChaCha20-Poly1305. */
type Encryption = readonly [Exclude<EspEncryption, 'chacha20-poly1305'>, number];

const encryptionWords: Readonly<Record<string, Encryption>> = {
  aes256gcm16: ['aes-gcm-16', 256],
  aes192gcm16: ['aes-gcm-16', 192],
  aes128gcm16: ['aes-gcm-16', 128],
  aes256gcm: ['aes-gcm-16', 256],
  aes192gcm: ['aes-gcm-16', 192],
  aes128gcm: ['aes-gcm-16', 128],
  aes256: ['aes-cbc', 256],
  aes192: ['aes-cbc', 192],
  aes128: ['aes-cbc', 128],
  aes: ['aes-cbc', 128],
  '3des': ['3des-cbc', 192],
};

const hashWords: Readonly<Record<string, readonly [HashName, EspIntegrity]>> = {
  sha512: ['sha512', 'hmac-sha2-512-256'],
  sha384: ['sha384', 'hmac-sha2-384-192'],
  sha256: ['sha256', 'hmac-sha2-256-128'],
  sha2_512: ['sha512', 'hmac-sha2-512-256'],
  sha2_384: ['sha384', 'hmac-sha2-384-192'],
  sha2_256: ['sha256', 'hmac-sha2-256-128'],
  sha1: ['sha1', 'hmac-sha1-96'],
  sha: ['sha1', 'hmac-sha1-96'],
  md5: ['md5', 'hmac-md5-96'],
};

const groupWords: Readonly<Record<string, ClassicGroupName>> = {
  modp1024: 'modp1024',
  modp1536: 'modp1536',
  modp2048: 'modp2048',
  modp3072: 'modp3072',
  modp4096: 'modp4096',
  ecp256: 'ecp256',
  ecp384: 'ecp384',
  ecp521: 'ecp521',
};

/** @throws ProposalSyntaxError unless `text` is encryption, hash and group, e.g. `aes256-sha256-modp2048` */
export function parseIkeProposal(text: string): IkeProposal {
  const { encryption, hash, group } = parse(text);
  if (encryption === undefined) throw missing(text, 'an encryption algorithm', 'aes256-sha256-modp2048');
  const [cipher, keyBits] = encryption;
  if (cipher === 'aes-gcm-16') {
    throw new ProposalSyntaxError(text, 'IKEv1 itself cannot use AES-GCM, only ESP can', undefined, `aes${keyBits}`);
  }
  if (hash === undefined) throw missing(text, 'a hash', `${wordOf(encryption)}-sha256-${group ?? 'modp2048'}`);
  if (group === undefined) throw missing(text, 'a Diffie-Hellman group', `${text.trim()}-modp2048`);
  return { encryption: cipher, keyBits, hash: hash[0], group };
}

/** @throws ProposalSyntaxError unless `text` is encryption, integrity (not with GCM) and perhaps a PFS group */
export function parseEspProposal(text: string): EspProposal {
  const { encryption, hash, group } = parse(text);
  if (encryption === undefined) throw missing(text, 'an encryption algorithm', 'aes256-sha256');
  const [cipher, keyBits] = encryption;
  const pfs = group === undefined ? {} : { pfs: group };
  if (cipher === 'aes-gcm-16') {
    if (hash !== undefined) throw new ProposalSyntaxError(text, 'AES-GCM takes no integrity algorithm beside it');
    return { suite: { encryption: cipher, keyBits }, ...pfs };
  }
  if (hash === undefined) throw missing(text, 'an integrity algorithm', `${wordOf(encryption)}-sha256`);
  return { suite: { encryption: cipher, keyBits, integrity: hash[1] }, ...pfs };
}

function parse(text: string) {
  let encryption: Encryption | undefined;
  let hash: readonly [HashName, EspIntegrity] | undefined;
  let group: ClassicGroupName | undefined;
  for (const word of text.trim().toLowerCase().split('-')) {
    if (Object.hasOwn(encryptionWords, word)) {
      if (encryption !== undefined) throw twice(text, word, 'encryption algorithm');
      encryption = encryptionWords[word];
    } else if (Object.hasOwn(hashWords, word)) {
      if (hash !== undefined) throw twice(text, word, 'hash');
      hash = hashWords[word];
    } else if (Object.hasOwn(groupWords, word)) {
      if (group !== undefined) throw twice(text, word, 'group');
      group = groupWords[word];
    } else {
      throw new ProposalSyntaxError(text, `'${word}' is no algorithm`, word, nearestWord(word));
    }
  }
  return { encryption, hash, group };
}

const missing = (text: string, what: string, example: string) =>
  new ProposalSyntaxError(text, `names no ${what.replace(/^an? /, '')}`, undefined, example);

const twice = (text: string, word: string, what: string) =>
  new ProposalSyntaxError(text, `'${word}' is a second ${what}`, word);

const wordOf = (encryption: Encryption) =>
  Object.keys(encryptionWords).find((word) => encryptionWords[word] === encryption) ?? 'aes256';

function nearestWord(word: string): string {
  return nearestOf(
    word,
    [encryptionWords, hashWords, groupWords].flatMap((table) => Object.keys(table)),
  );
}

/** The word that takes the fewest slips of the finger. @param words at least one */
export function nearestOf(word: string, words: readonly string[]): string {
  return words.reduce((best, candidate) => (distance(word, candidate) < distance(word, best) ? candidate : best));
}

/** Edit distance in which two swapped neighbours count once, as fingers swap them (optimal string alignment). */
function distance(a: string, b: string): number {
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substituted = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const viaSwap = swapped ? before[j - 2]! + 1 : substituted;
      next.push(Math.min(substituted, viaSwap, row[j]! + 1, next[j - 1]! + 1));
    }
    before = row;
    row = next;
  }
  return row[b.length]!;
}
