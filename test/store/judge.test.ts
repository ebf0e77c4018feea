import assert from 'node:assert/strict';
import { createHook } from 'node:async_hooks';
import { scryptSync } from 'node:crypto';
import test, { before } from 'node:test';
import { chapMd5Response, generateNtResponse, ntPasswordHash } from '../../src/crypto/index.ts';
import { nodeCrypto } from '../../src/crypto/node/index.ts';
import type { UserAnswer } from '../../src/gateway/output.ts';
import type { Credentials } from '../../src/ppp/output.ts';
import { credentialOf, judge, makeUser, type Store, type StoredUser } from '../../src/store/index.ts';
import { fromHex, utf8 } from '../../src/wire/index.ts';

const KEY = new Uint8Array(32).fill(9);
const CHALLENGE = fromHex('5B5D7C7D7B3F2F3E3C2C602132262628');
const PEER_CHALLENGE = fromHex('21402324255E262A28295F2B3A337C7E');

/** A store of two users; judging reads only users. */
const users = new Map<string, StoredUser>();
const store = { user: (name: string) => users.get(name) } as Store;

/** With a hash that costs nothing; a user that does not exist costs the full one. */
function user(name: string, password: string, address?: string): StoredUser {
  const salt = Buffer.alloc(16, 1);
  const hash = scryptSync(password, salt, 32, { N: 2, r: 8, p: 1 }).toString('base64');
  const made = makeUser(KEY, name, password, 0, address);
  return { ...made, passwordHash: `scrypt$2$8$1$${salt.toString('base64')}$${hash}` };
}

before(() => {
  // The user and password of RFC 2759 §9.2.
  users.set('User', user('User', 'clientPass', '10.87.0.50'));
  users.set('Zoë', user('Zoë', 'pässwörd'));
  users.set('gone', { ...users.get('User')!, name: 'gone', disabled: true });
});

const pap = (user: string, password: string): Credentials => ({ method: 'pap', user, password: utf8(password) });

const chap = (user: string, password: string): Credentials => ({
  method: 'chap-md5',
  user,
  identifier: 3,
  challenge: CHALLENGE,
  response: chapMd5Response(nodeCrypto, 3, utf8(password), CHALLENGE),
});

/** A peer's MS-CHAPv2 response; `hashed` is the user name that enters the hash. */
function msChap(user: string, password: string, hashed = utf8(user), name?: Uint8Array): Credentials {
  const challenges = { authenticatorChallenge: CHALLENGE, peerChallenge: PEER_CHALLENGE, userName: hashed };
  const ntResponse = generateNtResponse(nodeCrypto, challenges, ntPasswordHash(nodeCrypto, password));
  return {
    method: 'ms-chap-v2',
    user,
    ...(name === undefined ? {} : { name }),
    authenticatorChallenge: CHALLENGE,
    peerChallenge: PEER_CHALLENGE,
    ntResponse,
  };
}

const codeOf = (answer: UserAnswer) => (answer.accepted ? 'accepted' : answer.reason.code);
const ask = async (credentials: Credentials) => codeOf(await judge(store, KEY, credentials));

for (const [method, credentials] of Object.entries({ PAP: pap, 'CHAP-MD5': chap, 'MS-CHAPv2': msChap })) {
  test(`${method}: right, wrong, unknown`, async () => {
    assert.equal(await ask(credentials('User', 'clientPass')), 'accepted');
    assert.equal(await ask(credentials('Zoë', 'pässwörd')), 'accepted');
    assert.equal(await ask(credentials('User', 'clientPas')), 'wrong-password');
    assert.equal(await ask(credentials('user', 'clientPass')), 'unknown-user');
    assert.equal(await ask(credentials('', '')), 'unknown-user');
  });
}

test('the MS-CHAPv2 vector of RFC 2759 §9.2 is accepted and answered as it says', async () => {
  const answer = await judge(store, KEY, {
    method: 'ms-chap-v2',
    user: 'User',
    authenticatorChallenge: CHALLENGE,
    peerChallenge: PEER_CHALLENGE,
    ntResponse: fromHex('82309ECD8D708B5EA08FAA3981CD83544233114A3D85D6DF'),
  });
  assert.deepEqual(answer, {
    accepted: true,
    credential: credentialOf(users.get('User')!),
    address: '10.87.0.50',
    authenticatorResponse: 'S=407A5589115FD0D6209F510FE9C04566932CDA56',
    // RFC 3079 §3.5.3
    masterKey: fromHex('FDECE3717A8C838CB388E527AE3CDD31'),
  });
});

test('a certificate needs no password: any of its names may be a stored user, none a disabled one', async () => {
  const certificate = (user: string, ...names: string[]) => ({ method: 'certificate', user, names }) as const;
  assert.equal(await ask(certificate('User', 'User')), 'accepted');
  assert.equal(await ask(certificate('user@example.org', 'user@example.org', 'User')), 'accepted');
  assert.equal(await ask(certificate('stranger', 'stranger')), 'unknown-user');
  const anyCertified = { anyCertified: true };
  assert.equal(codeOf(await judge(store, KEY, certificate('stranger', 'stranger'), anyCertified)), 'accepted');
  for (const one of [certificate('gone', 'gone'), certificate('User', 'User', 'gone')]) {
    assert.equal(codeOf(await judge(store, KEY, one, anyCertified)), 'user-disabled');
  }
});

test('a domain in front of the name is left out', async () => {
  assert.equal(await ask(pap('OFFICE\\User', 'clientPass')), 'accepted');
  assert.equal(await ask(chap('OFFICE\\User', 'clientPass')), 'accepted');
  assert.equal(await ask(msChap('OFFICE\\User', 'clientPass', utf8('User'))), 'accepted');
  assert.equal(await ask(pap('OFFICE\\', 'clientPass')), 'unknown-user');
});

test('who comes back with a ticket is known by what they logged in as, with a domain or without', async () => {
  const ticket = (user: string) => ({ method: 'certificate', user, names: [], by: 'ticket' }) as const;
  assert.equal(await ask(ticket('User')), 'accepted');
  assert.equal(await ask(ticket('OFFICE\\User')), 'accepted');
  assert.equal(await ask(ticket('OFFICE\\gone')), 'user-disabled');
  assert.equal(await ask({ ...ticket('OFFICE\\User'), by: 'ike' }), 'unknown-user');
  const anyCertified = { anyCertified: true, anyCertifiedByIke: true };
  assert.equal(codeOf(await judge(store, KEY, ticket('stranger'), anyCertified)), 'unknown-user');
});

test('a credential is named alike at each login, and otherwise once the password is set anew, though it be the same', async () => {
  const nameOf = async (credentials: Credentials) => {
    const answer = await judge(store, KEY, credentials);
    assert.ok(answer.accepted);
    return answer.credential;
  };
  users.set('eve', makeUser(KEY, 'eve', 'hunter2', 0));
  const before = await nameOf(pap('eve', 'hunter2'));
  assert.equal(before?.length, 16);
  assert.equal(await nameOf(msChap('eve', 'hunter2')), before);
  assert.equal(await nameOf({ method: 'certificate', user: 'eve', names: [], by: 'ticket' }), before);
  users.set('eve', { ...users.get('eve')!, address: '10.87.0.9', idleTimeout: 5 });
  assert.equal(await nameOf(chap('eve', 'hunter2')), before);
  users.set('eve', makeUser(KEY, 'eve', 'hunter2', 0));
  assert.notEqual(await nameOf(pap('eve', 'hunter2')), before);
});

test('the name enters the MS-CHAPv2 hash as it was received, whatever its encoding', async () => {
  const latin1 = Uint8Array.of(0x5a, 0x6f, 0xeb);
  assert.equal(await ask(msChap('Zoë', 'pässwörd', latin1, latin1)), 'accepted');
  assert.equal(await ask(msChap('Zoë', 'pässwörd', latin1)), 'wrong-password');
});

test('a disabled user is told apart only after the right password', async () => {
  assert.equal(await ask(pap('gone', 'clientPass')), 'user-disabled');
  assert.equal(await ask(pap('gone', 'guess')), 'wrong-password');
});

test('a user that does not exist costs PAP the same hash as one that does', async () => {
  const hashes = async (credentials: Credentials) => {
    let count = 0;
    const hook = createHook({
      init: (_id, type) => {
        if (type === 'SCRYPTREQUEST') count++;
      },
    }).enable();
    await judge(store, KEY, credentials);
    hook.disable();
    return count;
  };
  assert.equal(await hashes(pap('User', 'guess')), 1);
  assert.equal(await hashes(pap('nobody', 'guess')), 1);
});

test('reasons say what to do and never the password', async () => {
  for (const credentials of [pap('User', 'hunter2'), pap('nobody', 'hunter2'), chap('User', 'hunter2')]) {
    const answer = await judge(store, KEY, credentials);
    assert.ok(!answer.accepted && answer.reason.remedy !== undefined);
    assert.ok(!JSON.stringify(answer).includes('hunter2'));
  }
});

test('a user sealed with another key is an error for the operator, not a wrong password', async () => {
  await assert.rejects(judge(store, new Uint8Array(32), chap('User', 'clientPass')), /another key file/);
  assert.equal(codeOf(await judge(store, new Uint8Array(32), pap('User', 'clientPass'))), 'accepted');
});

test('a new password counts at once, and the old one no more', async () => {
  users.set('dora', user('dora', 'first password'));
  assert.equal(await ask(msChap('dora', 'first password')), 'accepted');
  users.set('dora', user('dora', 'second password'));
  assert.equal(await ask(msChap('dora', 'first password')), 'wrong-password');
  assert.equal(await ask(msChap('dora', 'second password')), 'accepted');
});

test('who signs in IKE with a certificate is judged by a rule of their own; a namesake of a disabled user stays out', async () => {
  const certificate = (user: string) => ({ method: 'certificate', user, names: [user], by: 'ike' }) as const;
  const any = { anyCertifiedByIke: true };
  const asked = async (user: string, rules = {}) => codeOf(await judge(store, KEY, certificate(user), rules));
  assert.equal(await asked('User'), 'accepted');
  assert.equal(await asked('stranger'), 'unknown-user');
  assert.equal(await asked('stranger', { anyCertified: true }), 'unknown-user');
  assert.equal(await asked('stranger', any), 'accepted');
  assert.equal(await asked('gone', any), 'user-disabled');
  assert.equal(await asked('gone@example.org', any), 'user-disabled');
});

test('who resumes a session of a password must still be a user, whoever may come with a certificate', async () => {
  const ticket = (user: string) => ({ method: 'certificate', user, names: [], by: 'ticket' }) as const;
  const all = { anyCertified: true, anyCertifiedByIke: true };
  const asked = async (user: string) => codeOf(await judge(store, KEY, ticket(user), all));
  assert.deepEqual(
    [await asked('User'), await asked('gone'), await asked('removed')],
    ['accepted', 'user-disabled', 'unknown-user'],
  );
});

test('an accepted user brings the limits and rates that are theirs, and no others', async () => {
  users.set('eve', { ...user('eve', 'x'), sessionTimeout: 60, rateDown: 20_000_000, rateUp: 0 });
  assert.deepEqual(await judge(store, KEY, pap('eve', 'x')), {
    accepted: true,
    credential: credentialOf(users.get('eve')!),
    limits: { sessionTimeout: 60_000 },
    rates: { limitToPeer: { bitsPerSecond: 20_000_000 }, limitFromPeer: { bitsPerSecond: 0 } },
  });
  const credential = credentialOf(users.get('Zoë')!);
  assert.deepEqual(await judge(store, KEY, pap('Zoë', 'pässwörd')), { accepted: true, credential });
});
