/** Judges the credentials that a peer presented against the stored users. */

import {
  checkChapMd5Response,
  checkNtResponse,
  generateAuthenticatorResponse,
  msChapV2MasterKey,
  withoutDomain,
} from '../crypto/index.ts';
import { nodeCrypto } from '../crypto/node/index.ts';
import type { Credentials } from '../eap/index.ts';
import type { UserAnswer } from '../gateway/output.ts';
import { fromUtf8, utf8 } from '../wire/index.ts';
import { NtHashes } from './ntHashes.ts';
import type { Store, StoredUser } from './store.ts';
import { credentialOf, type UserSecrets, unsealUser, verifyPassword } from './userSecrets.ts';

/** Judged in place of the hash of a user that does not exist, so that both take the same time. */
const NOBODY = `scrypt$32768$8$1$${'A'.repeat(22)}==$${'A'.repeat(43)}=`;

export interface JudgeRules {
  /** Whether somebody whom a certificate names may enter though no user is stored by that name. Default no. */
  readonly anyCertified?: boolean;
  /** The same of those who prove themselves to IKE by a certificate. Default no. */
  readonly anyCertifiedByIke?: boolean;
}

export async function judge(
  store: Store,
  key: Uint8Array,
  credentials: Credentials,
  { anyCertified = false, anyCertifiedByIke = false }: JudgeRules = {},
): Promise<UserAnswer> {
  if (credentials.method === 'certificate') {
    const { by } = credentials;
    // Who resumes a session has logged in as a user that was there.
    return judgeCertified(store, credentials, by === 'ike' ? anyCertifiedByIke : by === undefined && anyCertified);
  }
  const name = fromUtf8(withoutDomain(utf8(credentials.user)));
  const user = store.user(credentials.user) ?? store.user(name);
  if (credentials.method === 'pap') {
    const right = await verifyPassword(user?.passwordHash ?? NOBODY, credentials.password);
    if (user === undefined) return unknownUser(credentials.user);
    if (!right) return wrongPassword(credentials.user);
    return user.disabled ? disabled(user.name) : accepted(user);
  }
  if (user === undefined) return unknownUser(credentials.user);
  const proof =
    credentials.method === 'ms-chap-v2'
      ? proveByNtHash(credentials, ntHashesOf(store).of(key, user))
      : { right: isPassword(credentials, unsealUser(key, user)) };
  if (!proof.right) return wrongPassword(credentials.user);
  if (user.disabled) return disabled(user.name);
  const { authenticatorResponse, masterKey }: Proof = proof;
  return {
    ...accepted(user),
    ...(authenticatorResponse === undefined ? {} : { authenticatorResponse }),
    ...(masterKey === undefined ? {} : { masterKey }),
  };
}

/** The certificate is valid: it may be a stored user's by any of its names. */
function judgeCertified(
  store: Store,
  { user, names, by }: Extract<Credentials, { method: 'certificate' }>,
  anyCertified: boolean,
): UserAnswer {
  // With a password a user may have come as DOMAIN\user.
  const plain = by === 'ticket' ? [fromUtf8(withoutDomain(utf8(user)))] : [];
  const known = [...new Set([user, ...names, ...plain])].flatMap((name) => store.user(name) ?? []);
  const locked = known.find((one) => one.disabled);
  if (locked !== undefined) return disabled(locked.name);
  const [first] = known;
  if (first !== undefined) return accepted(first);
  if (!anyCertified) return unknownUser(user);
  // ann@example.org stays out as long as ann is disabled.
  const namesake = store.user(user.replace(/@.*$/, ''));
  return namesake?.disabled ? disabled(namesake.name) : { accepted: true };
}

/** What is said of the user beside the gateway's own rules. */
function accepted(user: StoredUser) {
  const { address, singleSession, sessionTimeout, idleTimeout, rateDown, rateUp } = user;
  const limits = {
    ...(sessionTimeout === undefined ? {} : { sessionTimeout: sessionTimeout * 1000 }),
    ...(idleTimeout === undefined ? {} : { idleTimeout: idleTimeout * 1000 }),
  };
  const rates = {
    ...(rateDown === undefined ? {} : { limitToPeer: { bitsPerSecond: rateDown } }),
    ...(rateUp === undefined ? {} : { limitFromPeer: { bitsPerSecond: rateUp } }),
  };
  return {
    accepted: true,
    credential: credentialOf(user),
    ...(address === undefined ? {} : { address }),
    ...(singleSession === undefined ? {} : { singleSession }),
    ...(Object.keys(limits).length === 0 ? {} : { limits }),
    ...(Object.keys(rates).length === 0 ? {} : { rates }),
  } as const;
}

type Proof = { readonly right: boolean; readonly authenticatorResponse?: string; readonly masterKey?: Uint8Array };

function isPassword(
  { identifier, challenge, response }: Extract<Credentials, { method: 'chap-md5' }>,
  { password }: UserSecrets,
): boolean {
  return checkChapMd5Response(nodeCrypto, identifier, utf8(password), challenge, response);
}

function proveByNtHash(credentials: Extract<Credentials, { method: 'ms-chap-v2' }>, ntHash: Uint8Array): Proof {
  const { authenticatorChallenge, peerChallenge, ntResponse, user, name } = credentials;
  const challenges = { authenticatorChallenge, peerChallenge, userName: withoutDomain(name ?? utf8(user)) };
  if (!checkNtResponse(nodeCrypto, challenges, ntHash, ntResponse)) return { right: false };
  return {
    right: true,
    authenticatorResponse: generateAuthenticatorResponse(nodeCrypto, challenges, ntHash, ntResponse),
    masterKey: msChapV2MasterKey(nodeCrypto, ntHash, ntResponse),
  };
}

const ntHashes = new WeakMap<Store, NtHashes>();

function ntHashesOf(store: Store): NtHashes {
  const found = ntHashes.get(store) ?? new NtHashes();
  ntHashes.set(store, found);
  return found;
}

const refuse = (code: string, reason: string, remedy: string): UserAnswer => ({
  accepted: false,
  reason: { code, reason, remedy },
});

const unknownUser = (name: string) =>
  refuse(
    'unknown-user',
    `There is no user ${JSON.stringify(name)}.`,
    'Check the spelling, or add the user with `sallyport user add`.',
  );
const wrongPassword = (name: string) =>
  refuse(
    'wrong-password',
    `The password of ${JSON.stringify(name)} is wrong.`,
    'Windows shows this as error 691. Set a new one with `sallyport user passwd`.',
  );
const disabled = (name: string) =>
  refuse('user-disabled', `User ${JSON.stringify(name)} is disabled.`, 'Enable the user with `sallyport user enable`.');
