/** The first message of an unknown peer: version, cookie, limits, policy, and only then an IKE SA. RFC 7296 §1.2, §2.6, §2.21. */

import type { Failure, Instant } from '../../../core/index.ts';
import type { GroupName } from '../../../crypto/index.ts';
import { mismatchText } from '../../choose.ts';
import type { IkeDatagram } from '../../output.ts';
import { isZeroSpi } from '../association.ts';
import { closed } from '../closing.ts';
import type { Context } from '../context.ts';
import type { CookieSubject } from '../cookie.ts';
import { isNonceLength } from '../nonces.ts';
import { ExchangeType, IKEV2_VERSION, NotifyType, notify, type Payload } from '../payloads/index.ts';
import { chooseIkeV2, invalidKeData } from '../proposalChoice.ts';
import { groupOf } from '../proposalTransforms.ts';
import type { Refusal } from '../refusal.ts';
import { sendAnswer } from '../transmission.ts';
import { takeUnknownSpiHint } from '../unknownSpi.ts';
import {
  decodeHeader,
  encodeMessage,
  find,
  findNotify,
  isResponse,
  type Message,
  majorVersionOf,
  unsupportedCritical,
} from '../wire/index.ts';
import { redirectNotify } from './redirect.ts';
import { onResumeRequest } from './resumption.ts';
import { answerSaInit } from './saInitResponder.ts';

/** A message of a later version is answered, so that its sender tries ours. RFC 7296 §2.5. @returns whether it was one */
export function refuseVersion(context: Context, datagram: IkeDatagram, now: Instant): boolean {
  const { bytes } = datagram;
  const major = majorVersionOf(bytes);
  if (major === undefined || major <= IKEV2_VERSION >>> 4) return false;
  const header = decodeHeader(bytes);
  if (isResponse(header)) return true;
  answerClear(context, { message: { header }, datagram }, [notify(NotifyType.INVALID_MAJOR_VERSION)], now);
  return true;
}

/** A request for no IKE SA that we know. */
export function receiveNewcomer(
  context: Context,
  arrival: { readonly message: Message; readonly datagram: IkeDatagram },
  now: Instant,
): Refusal {
  const { message, datagram } = arrival;
  const { header } = message;
  if (header.exchange === ExchangeType.IKE_SESSION_RESUME && isZeroSpi(header.responderSpi)) {
    return onResumeRequest(context, arrival, now);
  }
  if (takeUnknownSpiHint(context, arrival, now)) return undefined;
  if (header.exchange !== ExchangeType.IKE_SA_INIT || !isZeroSpi(header.responderSpi)) {
    tellInvalidSpi(context, arrival, now);
    return { code: 'unknown-spi', reason: 'the message belongs to no IKE SA' };
  }
  if (header.messageId !== 0 || isZeroSpi(header.initiatorSpi) || message.sealed !== undefined) {
    return { code: 'malformed', reason: 'IKE_SA_INIT with a message id, without an SPI or protected' };
  }
  const critical = unsupportedCritical(message);
  if (critical !== undefined) {
    const data = Uint8Array.of(critical);
    answerClear(context, arrival, [notify(NotifyType.UNSUPPORTED_CRITICAL_PAYLOAD, data)], now);
    return {
      code: 'unsupported-critical-payload',
      reason: `the first message holds an unknown critical payload ${critical}`,
    };
  }
  const offered = find(message, 'SA');
  const ke = find(message, 'KE');
  const nonce = find(message, 'Nonce');
  if (offered === undefined || ke === undefined || nonce === undefined || !isNonceLength(nonce.data)) {
    return { code: 'malformed', reason: 'IKE_SA_INIT without SA, KE or a nonce of 16 to 256 bytes' };
  }
  if (!provesAddress(context, arrival, nonce.data, now)) return undefined;
  const redirect = redirectNotify(context, arrival, nonce.data);
  if (redirect !== undefined) {
    answerClear(context, arrival, [redirect], now, 'unlimited');
    return { code: 'redirected', reason: 'the peer was sent to another gateway' };
  }
  const { admitted, evict } = context.halfOpen.admit(datagram.remote.address);
  if (!admitted) return { code: 'half-open-limit', reason: 'too many unfinished exchanges' };
  const chosen = chooseIkeV2(offered, context.config.profile.accept.ike, {
    keGroup: ke.group,
    additional: findNotify(message, NotifyType.INTERMEDIATE_EXCHANGE_SUPPORTED) !== undefined,
  });
  if (chosen.type === 'mismatch') {
    const reason = { code: 'no-proposal-chosen', reason: mismatchText(chosen), remedy: remedyFor(chosen.profile) };
    return refuse(context, arrival, reason, now);
  }
  if (groupOf(ke.group) !== chosen.proposal.group) {
    askForGroup(context, arrival, chosen.proposal.group, now);
    return undefined;
  }
  const isProven = hasCookie(context, arrival, nonce.data, now);
  if (!isProven && context.config.trustAnchors.length > 0 && mayOutgrow(context, message, ke.data)) {
    askForCookie(context, arrival, nonce.data, now);
    return undefined;
  }
  if (evict !== undefined) closed(context, evict, EVICTED);
  answerSaInit(context, { ...arrival, isProven }, chosen, now);
  return undefined;
}

/** Of our answer but for its KE data and the names of authorities: the header, SA, KE, nonce, NAT detection, notifies. */
const MOST_ANSWER_BYTES = 220;
const AUTHORITY_BYTES = 20;

/**
 * Whether our answer with the authorities that we trust may be longer than the question. Peers that are not asked for a
 * certificate send none (strongSwan), so they show first, by a cookie, that they are at their address.
 */
function mayOutgrow({ config }: Context, { bytes }: Message, keData: Uint8Array): boolean {
  return MOST_ANSWER_BYTES + keData.length + AUTHORITY_BYTES * config.trustAnchors.length > bytes.length;
}

export const remedyFor = (profile: string | undefined): string =>
  profile === undefined
    ? 'Let both ends have one combination of encryption, integrity, PRF and key exchange in common.'
    : `Use the profile '${profile}' here, or modernise the peer.`;

/** Under load only who shows that it receives at its address gets an IKE SA. RFC 7296 §2.6. */
export function provesAddress(
  context: Context,
  { message, datagram }: { readonly message: Message; readonly datagram: IkeDatagram },
  nonce: Uint8Array,
  now: Instant,
): boolean {
  const { perSource, total } = context.config.cookieThreshold;
  const { address } = datagram.remote;
  if (context.halfOpen.size < total && context.halfOpen.countOf(address) < perSource) return true;
  if (hasCookie(context, { message, datagram }, nonce, now)) return true;
  askForCookie(context, { message, datagram }, nonce, now);
  return false;
}

function hasCookie(context: Context, arrival: Arrived, nonce: Uint8Array, now: Instant): boolean {
  const cookie = findNotify(arrival.message, NotifyType.COOKIE)?.data;
  return cookie !== undefined && context.cookies.isValid(cookie, cookieSubject(arrival, nonce), now);
}

function askForCookie(context: Context, arrival: Arrived, nonce: Uint8Array, now: Instant): void {
  const answer = [notify(NotifyType.COOKIE, context.cookies.make(cookieSubject(arrival, nonce), now))];
  answerClear(context, arrival, answer, now, 'unlimited');
}

function cookieSubject({ message, datagram }: Arrived, nonce: Uint8Array): CookieSubject {
  const { address, port } = datagram.remote;
  return { nonce, address, port, initiatorSpi: message.header.initiatorSpi };
}

/** The peer guessed another group than we take. RFC 7296 §1.2. */
function askForGroup(context: Context, arrival: Arrived, group: GroupName, now: Instant): void {
  const answer = [notify(NotifyType.INVALID_KE_PAYLOAD, invalidKeData(group))];
  answerClear(context, arrival, answer, now, 'unlimited');
}

interface Arrived {
  readonly message: Message;
  readonly datagram: IkeDatagram;
}

/**
 * An answer that keeps nothing, never longer than the question: to whom nobody has verified.
 * @param rate `unlimited` for answers that a negotiation needs
 */
export function answerClear(
  context: Context,
  { message, datagram }: { readonly message: Pick<Message, 'header'>; readonly datagram: IkeDatagram },
  payloads: readonly Payload[],
  now: Instant,
  rate: 'limited' | 'unlimited' = 'limited',
): void {
  const { local, remote } = datagram;
  if (rate === 'limited' && !context.notifyLimit.allows(remote.address, now)) return;
  const { initiatorSpi, responderSpi, exchange, messageId } = message.header;
  const head = { initiatorSpi, responderSpi, exchange, messageId, fromInitiator: false, response: true };
  const bytes = encodeMessage(head, payloads);
  if (bytes.length > datagram.bytes.length) return;
  sendAnswer(context, { local, remote, bytes }, head, payloads);
}

/** A request under SPIs that nobody has: perhaps of a peer that does not know that we were started anew. RFC 7296 §2.21.4. */
function tellInvalidSpi(context: Context, arrival: Arrived, now: Instant): void {
  const { exchange } = arrival.message.header;
  const known: readonly number[] = [ExchangeType.CREATE_CHILD_SA, ExchangeType.INFORMATIONAL];
  if (known.includes(exchange)) answerClear(context, arrival, [notify(NotifyType.INVALID_IKE_SPI)], now);
}

/** No SA comes of it; the operator is told all the same, once for each source and span. */
export function refuse(context: Context, arrival: Arrived, reason: Failure, now: Instant): Refusal {
  const { local, remote } = arrival.datagram;
  answerClear(context, arrival, [notify(NotifyType.NO_PROPOSAL_CHOSEN)], now);
  const refusal = { code: reason.code, reason: reason.reason };
  if (!context.refusalLimit.allows(`${remote.address}|${remote.port}`, now)) return refusal;
  const ikeSa = context.nextIkeSaId();
  context.emit({ type: 'milestone', ikeSa, local, remote, name: 'ike first message', detail: 'received' });
  context.emit({ type: 'ikeClosed', ikeSa, local, remote, established: false, reason });
  return undefined;
}

const EVICTED: Failure = { code: 'half-open-limit', reason: 'it made room: too many unfinished exchanges' };
