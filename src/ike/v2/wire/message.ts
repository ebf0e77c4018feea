/** IKEv2 messages: a header and a chain of payloads, to bytes and back. RFC 7296 §2.5, §3.1 and §3.2. */

import { concat, Malformed, Reader, Truncated, Writer } from '../../../wire/index.ts';
import {
  HeaderFlag,
  IKEV2_VERSION,
  type NotifyPayload,
  type Payload,
  type PayloadKind,
  type PayloadOfKind,
  PayloadType,
  payloadDeclarations,
} from '../payloads/index.ts';
import { decodeHeader, HEADER_BYTES, IkeHeader, isMajorVersion2 } from './header.ts';

/** Most payloads that are read in one message. */
export const MAX_PAYLOADS = 64;
/** Longest message that is read, whole or put together from fragments. */
export const MAX_MESSAGE_BYTES = 65_535;

/** A chain of payloads. `raw[i]` are the bytes of `payloads[i]` as they stand on the wire, generic header included. */
export interface PayloadChain {
  readonly payloads: readonly Payload[];
  readonly raw: readonly Uint8Array[];
}

/** The Encrypted or Encrypted Fragment payload that ends a message. */
export interface ProtectedPart {
  readonly payload: PayloadOfKind<'SK' | 'SKF'>;
  /** Number of the first payload inside; 0 where there is none, and in every fragment but the first. */
  readonly first: number;
}

/**
 * A message that is read. Of a protected one `payloads` holds what stands outside (which is not believed) until it is
 * opened.
 */
export interface Message extends PayloadChain {
  readonly header: IkeHeader;
  /** The whole message as it was received: what integrity protection and AUTH cover. */
  readonly bytes: Uint8Array;
  readonly sealed?: ProtectedPart;
}

/** What a sender says of its header; the rest follows from the payloads. */
export interface MessageHead {
  readonly initiatorSpi: Uint8Array;
  readonly responderSpi: Uint8Array;
  readonly exchange: number;
  readonly messageId: number;
  /** The sender is the original initiator of the IKE SA. */
  readonly fromInitiator: boolean;
  readonly response: boolean;
}

export const GENERIC_HEADER_BYTES = 4;
const CRITICAL = 0x80;

const byNumber = new Map(payloadDeclarations.map((declaration) => [declaration.numbers[0], declaration]));
const byKind = new Map(payloadDeclarations.map((declaration) => [declaration.kind as string, declaration]));

/**
 * Reads a datagram (without the non-ESP marker).
 * @throws Malformed for bytes that are no IKEv2 message, among them a length that is not the datagram's
 */
export function decodeMessage(datagram: Uint8Array): Message {
  const header = decodeHeader(datagram);
  if (!isMajorVersion2(header)) throw new Malformed(`version ${header.version >>> 4}`);
  if (header.length > MAX_MESSAGE_BYTES) throw new Malformed(`message of ${header.length} bytes`);
  if (header.length > datagram.length) throw new Truncated('IKE message', header.length, datagram.length);
  if (header.length < datagram.length)
    throw new Malformed(`${datagram.length - header.length} bytes after the message`);
  const chain = decodePayloads(header.nextPayload, datagram.subarray(HEADER_BYTES), 'outer');
  return { header, bytes: datagram, ...chain };
}

/** A message without protection, as in IKE_SA_INIT. */
export function encodeMessage(head: MessageHead, payloads: readonly Payload[]): Uint8Array {
  return assemble(head, firstNumber(payloads), encodePayloads(payloads));
}

/** A message around a body that is encoded already. @param first number of the body's first payload */
export function assemble(head: MessageHead, first: number, body: Uint8Array): Uint8Array {
  return concat(encodeHeader(head, first, HEADER_BYTES + body.length), body);
}

export function encodeHeader(head: MessageHead, first: number, length: number): Uint8Array {
  return IkeHeader.encode({
    initiatorSpi: head.initiatorSpi,
    responderSpi: head.responderSpi,
    nextPayload: first,
    version: IKEV2_VERSION,
    exchange: head.exchange,
    flags: (head.fromInitiator ? HeaderFlag.initiator : 0) | (head.response ? HeaderFlag.response : 0),
    messageId: head.messageId,
    length,
  });
}

/**
 * Reads a chain of payloads. Unknown ones are kept as `unknown`, whether critical or not: see `unsupportedCritical`.
 * @param first number of the first payload
 * @param place `outer`: an SK or SKF payload ends the chain and comes back as `sealed`; `inner`: none may be in it
 * @throws Malformed
 */
export function decodePayloads(
  first: number,
  body: Uint8Array,
  place: 'outer' | 'inner' = 'inner',
): PayloadChain & { readonly sealed?: ProtectedPart } {
  const payloads: Payload[] = [];
  const raw: Uint8Array[] = [];
  const from = new Reader(body, 'payload chain');
  let sealed: ProtectedPart | undefined;
  for (let number = first; number !== PayloadType.NONE; ) {
    if (payloads.length === MAX_PAYLOADS) throw new Malformed(`more than ${MAX_PAYLOADS} payloads`);
    const start = from.offset;
    const next = from.u8();
    const critical = (from.u8() & CRITICAL) !== 0;
    const length = from.u16();
    if (length < GENERIC_HEADER_BYTES) throw new Malformed(`payload ${number} of length ${length}`);
    const payload = readBody(number, critical, from.sub(length - GENERIC_HEADER_BYTES, `payload ${number}`));
    if (payload.kind === 'SK' || payload.kind === 'SKF') {
      if (place === 'inner') throw new Malformed('an Encrypted payload inside an Encrypted payload');
      sealed = { payload, first: next };
      break;
    }
    payloads.push(payload);
    raw.push(body.subarray(start, start + length));
    number = next;
  }
  if (from.left > 0) throw new Malformed(`${from.left} bytes after the last payload`);
  return { payloads, raw, ...(sealed && { sealed }) };
}

/** The chain as it stands on the wire, generic headers included. */
export function encodePayloads(payloads: readonly Payload[]): Uint8Array {
  const to = new Writer();
  payloads.forEach((payload, i) => {
    const next = payloads[i + 1];
    to.u8(next === undefined ? PayloadType.NONE : numberOf(next)).u8(isCritical(payload) ? CRITICAL : 0);
    to.withLength16((inner) => writeBody(inner, payload), GENERIC_HEADER_BYTES);
  });
  return to.finish();
}

/** A payload without its generic header, as the ID payloads in AUTH (RFC 7296 §2.15). */
export function encodePayloadBody(payload: Payload): Uint8Array {
  const to = new Writer();
  writeBody(to, payload);
  return to.finish();
}

/** The body of the first payload of `kind` exactly as it was received, without its generic header. */
export function receivedBody(chain: PayloadChain, kind: PayloadKind): Uint8Array | undefined {
  const i = chain.payloads.findIndex((payload) => payload.kind === kind);
  return chain.raw[i]?.subarray(GENERIC_HEADER_BYTES);
}

/** The first payload of a kind. */
export function find<Kind extends PayloadKind>(
  chain: Pick<PayloadChain, 'payloads'>,
  kind: Kind,
): PayloadOfKind<Kind> | undefined {
  return chain.payloads.find((payload): payload is PayloadOfKind<Kind> => payload.kind === kind);
}

/** All payloads of a kind, in order. */
export function all<Kind extends PayloadKind>(
  chain: Pick<PayloadChain, 'payloads'>,
  kind: Kind,
): readonly PayloadOfKind<Kind>[] {
  return chain.payloads.filter((payload): payload is PayloadOfKind<Kind> => payload.kind === kind);
}

/** The first notification of a type. */
export function findNotify(chain: Pick<PayloadChain, 'payloads'>, notifyType: number): NotifyPayload | undefined {
  return chain.payloads.find(
    (payload): payload is NotifyPayload => payload.kind === 'N' && payload.notifyType === notifyType,
  );
}

/** The number of the first unknown payload with the critical bit: UNSUPPORTED_CRITICAL_PAYLOAD carries it in one byte. */
export function unsupportedCritical(chain: Pick<PayloadChain, 'payloads'>): number | undefined {
  for (const payload of chain.payloads) if (payload.kind === 'unknown' && payload.critical) return payload.number;
  return undefined;
}

/** The number under which a payload travels. */
export function numberOf(payload: Payload): number {
  return payload.kind === 'unknown' ? payload.number : byKind.get(payload.kind)!.numbers[0];
}

/** What the header before a chain names. */
export const firstNumber = (payloads: readonly Payload[]): number =>
  payloads[0] === undefined ? PayloadType.NONE : numberOf(payloads[0]);

/** The critical bit of payloads that RFC 7296 defines is zero: §2.5. */
const isCritical = (payload: Payload) => payload.kind === 'unknown' && payload.critical;

function readBody(number: number, critical: boolean, from: Reader): Payload {
  const declaration = byNumber.get(number);
  if (declaration === undefined) return { kind: 'unknown', number, critical, data: from.rest() };
  const fields = declaration.body.read(from);
  if (from.left > 0) throw new Malformed(`${declaration.kind}: ${from.left} bytes too many`);
  return { kind: declaration.kind, ...fields } as Payload;
}

function writeBody(to: Writer, payload: Payload): void {
  if (payload.kind === 'unknown') to.bytes(payload.data);
  else byKind.get(payload.kind)!.body.write(to, payload);
}
