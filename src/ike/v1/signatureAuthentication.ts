/** Messages 5 and 6 of Main Mode where both ends prove themselves by certificate. RFC 2409 §5.1, RFC 4754, RFC 4945. */

import type { Failure, Instant } from '../../core/index.ts';
import { identityOf, identityPayload, sameIdentity } from '../identity.ts';
import { all, encodePayloadBody, find, type Message, type PayloadChain, receivedBody } from '../message.ts';
import { milestone } from '../milestone.ts';
import type { Identity } from '../output.ts';
import { NotifyType, type Payload } from '../payloads/index.ts';
import { hasPeer } from '../peerTable.ts';
import { type Arrival, outOfState, type Refusal } from './arrival.ts';
import { openAuthentication } from './authenticationMessage.ts';
import {
  certificatePayloads,
  certificateRequests,
  certificatesOf,
  credentialFor,
  holderOf,
  NO_METHOD,
  noteRequests,
  notifyFor,
  signingOf,
} from './certificates.ts';
import { closed } from './closing.ts';
import type { Context } from './context.ts';
import { establish } from './establishment.ts';
import type { Exchanged, IkeSa, Phase1State } from './ikeSa.ts';
import { hashI, hashR, type Phase1Keys } from './keys.ts';
import { messageTable } from './messageTable.ts';
import { floatPorts, followPath } from './natTraversal.ts';
import { ikeLifetimeNotify, isakmpNotify, toldLifetime } from './notifications.ts';
import { keysAgreed, keysForSignatures, localIdentity, settled } from './phase1.ts';
import { clearNotify, prepare, traceIn, transmit, transmitUntilAnswered } from './transmission.ts';

/** Certificates of one peer that are judged: one may have been altered on its way. */
const MAX_JUDGEMENTS = 3;
/** How long a responder waits for a better message 5. */
const REFUSED_TIMEOUT = 5000;

/** Message 5, out, from port 4500 where there is a NAT. */
export function signToResponder(context: Context, sa: IkeSa, exchanged: Exchanged, sharedSecret: Uint8Array): void {
  const keys = keysForSignatures(context, exchanged, sharedSecret);
  keysAgreed(context, sa, exchanged, keys);
  floatPorts(context, sa);
  sign(context, sa, exchanged, keys, hashI, (own, later) => {
    const payloads: Payload[] = [...own.payloads, ...certificateRequests(context)];
    if (context.config.initialContact && !hasPeer(context, sa)) {
      payloads.push(isakmpNotify(sa, NotifyType.INITIAL_CONTACT));
    }
    const message = prepare(context, sa, 'mainMode5', payloads, { cipher: keys.cipher, iv: keys.phase1Iv });
    const iv = message.nextIv;
    sa.state = { name: 'authSent', awaits: 'mainMode6', exchanged, keys, iv, localIdentity: own.identity };
    sa.outstanding = transmitUntilAnswered(context, sa, message, 'retransmit', later);
  });
}

/** Message 5 in: judged, then message 6 out; the IKE SA stands. */
export function onSignedMessage5(
  context: Context,
  sa: IkeSa,
  { message, digest, datagram }: Arrival,
  now: Instant,
): Refusal {
  if (sa.state.name !== 'keysAgreed') return outOfState;
  const { exchanged, sharedSecret } = sa.state;
  const waiting = sa.state;
  const keys = keysForSignatures(context, exchanged, sharedSecret);
  const opened = openAuthentication(context, keys, keys.phase1Iv, message, 'mainMode5', 'SIG');
  if (typeof opened === 'string') return { code: 'undecryptable', reason: `message 5: ${opened}` };
  if (++sa.judgements > MAX_JUDGEMENTS) return TOO_MANY;
  sa.answered.remember(digest, undefined, now);
  followPath(context, sa, datagram);
  const { chain, nextIv } = opened;
  traceIn(context, sa, messageTable.mainMode5, chain, message);
  noteRequests(sa, chain);
  judge(context, sa, exchanged, keys, chain, { hash: hashI, purpose: 'client' }, (failure, remoteIdentity, later) => {
    if (failure !== undefined) return refuseMessage5(context, sa, waiting, failure, later);
    keysAgreed(context, sa, exchanged, keys);
    sign(context, sa, exchanged, keys, hashR, (own, evenLater) => {
      const { lifetimeSeconds, proposal, authentication } = exchanged;
      const payloads: Payload[] = [...own.payloads];
      if (exchanged.shortened) payloads.push(ikeLifetimeNotify(sa, lifetimeSeconds));
      const answer = prepare(context, sa, 'mainMode6', payloads, { cipher: keys.cipher, iv: nextIv });
      sa.answered.arrived();
      sa.answered.remember(digest, answer, evenLater);
      const local = own.identity;
      const secured = {
        keys,
        lastBlock: answer.nextIv,
        proposal,
        authentication,
        localIdentity: local,
        remoteIdentity,
      };
      transmit(context, sa, answer);
      const initialContact = saysInitialContact(chain);
      establish(context, sa, secured, { lifetimeSeconds, initialContact }, evenLater);
      context.resume(sa, evenLater);
    });
  });
  return undefined;
}

/** Message 6 in: judged; the IKE SA stands, and Quick Mode can begin. */
export function onSignedMessage6(context: Context, sa: IkeSa, message: Message, now: Instant): Refusal {
  if (sa.state.name !== 'authSent') return outOfState;
  const waiting = sa.state;
  const { exchanged, keys, iv, localIdentity: local } = waiting;
  const opened = openAuthentication(context, keys, iv, message, 'mainMode6', 'SIG');
  if (typeof opened === 'string') return { code: 'undecryptable', reason: `message 6: ${opened}` };
  if (++sa.judgements > MAX_JUDGEMENTS) return TOO_MANY;
  const { chain, nextIv } = opened;
  traceIn(context, sa, messageTable.mainMode6, chain, message);
  sa.lastAlive = now;
  judge(context, sa, exchanged, keys, chain, { hash: hashR, purpose: 'server' }, (failure, remoteIdentity, later) => {
    if (failure !== undefined) {
      // The true answer may still come to our next sending.
      sa.state = waiting;
      sa.hint = failure;
      return;
    }
    settled(sa);
    const { proposal, authentication } = exchanged;
    const secured = { keys, lastBlock: nextIv, proposal, authentication, localIdentity: local, remoteIdentity };
    const { lifetimeSeconds } = toldLifetime(chain, exchanged);
    establish(context, sa, secured, { lifetimeSeconds, initialContact: saysInitialContact(chain) }, later);
    context.resume(sa, later);
  });
  return undefined;
}

interface OwnProof {
  readonly payloads: readonly Payload[];
  readonly identity: Identity;
}

type HashFunction = typeof hashI;

const TOO_MANY: Refusal = { code: 'too-many', reason: 'this peer has shown enough certificates that do not pass' };

const saysInitialContact = (chain: PayloadChain): boolean =>
  all(chain, 'N').some(({ notifyType }) => notifyType === NotifyType.INITIAL_CONTACT);

/** HASH_I or HASH_R over an ID payload, with the hash that the method demands. RFC 2409 §5.1. */
function octetsOf(context: Context, exchanged: Exchanged, keys: Phase1Keys, hash: HashFunction, idBody: Uint8Array) {
  const { skeyid } = keys;
  return hash(context.crypto, { hash: signingOf(exchanged).hash ?? keys.hash, skeyid }, exchanged.transcript, idBody);
}

/** Our identity, certificates and signature. */
function sign(
  context: Context,
  sa: IkeSa,
  exchanged: Exchanged,
  keys: Phase1Keys,
  hash: HashFunction,
  then: (own: OwnProof, now: Instant) => void,
): void {
  const credential = credentialFor(context, sa, exchanged);
  // The certificate may have gone from the configuration since it was agreed on.
  if (credential === undefined) {
    closed(context, sa, NO_METHOD);
    return;
  }
  const identity = context.config.certificateIdentity ?? holderOf(credential) ?? localIdentity(context, sa);
  const id = identityPayload(identity);
  const octets = octetsOf(context, exchanged, keys, hash, encodePayloadBody(id));
  const { scheme } = signingOf(exchanged);
  sa.state = { name: 'computing', awaits: undefined };
  context.askSignature(sa, { kind: 'sign', credential: credential.name, scheme, octets }, ({ signature }, later) => {
    if (!(signature instanceof Uint8Array)) return closed(context, sa, signature);
    const payloads = [id, ...certificatePayloads(credential), { kind: 'SIG', data: signature } as const];
    then({ payloads, identity }, later);
  });
}

/** Lets the peer's certificate and signature be judged. */
function judge(
  context: Context,
  sa: IkeSa,
  exchanged: Exchanged,
  keys: Phase1Keys,
  chain: PayloadChain,
  { hash, purpose }: { readonly hash: HashFunction; readonly purpose: 'server' | 'client' },
  then: (failure: Failure | undefined, identity: Identity, now: Instant) => void,
): void {
  const identity = identityOf(find(chain, 'ID')!);
  const wanted = context.config.remoteIdentity;
  const ask = {
    kind: 'verify',
    chain: certificatesOf(chain),
    identity,
    ...(wanted !== undefined && !sameIdentity(wanted, identity) && { expected: wanted }),
    scheme: signingOf(exchanged).scheme,
    octets: octetsOf(context, exchanged, keys, hash, receivedBody(chain, 'ID')!),
    signature: find(chain, 'SIG')!.data.slice(),
    purpose,
  } as const;
  sa.state = { name: 'computing', awaits: undefined };
  context.askSignature(sa, ask, ({ failure }, later) => {
    if (failure === undefined) milestone(context, sa, 'certificate verified');
    then(failure, identity, later);
  });
}

/** Says it once, and waits a little: whoever can alter a message 5 must not be able to end the true one's exchange. */
function refuseMessage5(
  context: Context,
  sa: IkeSa,
  waiting: Extract<Phase1State, { name: 'keysAgreed' }>,
  failure: Failure,
  now: Instant,
): void {
  sa.state = { ...waiting, refused: true };
  sa.hint = failure;
  if (!waiting.refused) {
    context.emit({ type: 'ikeFailed', ikeSa: sa.id, remote: sa.remote, failure });
    clearNotify(context, sa, notifyFor(failure), now);
    sa.timers.set('halfOpen', now + REFUSED_TIMEOUT);
  }
  context.resume(sa, now);
}
