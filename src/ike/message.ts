/** ISAKMP messages: a header and a chain of payloads, to bytes and back. RFC 2408 §3.1 and §3.2. */

import { concat, Malformed, Reader, Truncated, Writer } from '../wire/index.ts';
import { decodeHeader, HEADER_BYTES, IsakmpHeader } from './header.ts';
import {
  HeaderFlag,
  ISAKMP_VERSION,
  type Payload,
  type PayloadKind,
  type PayloadOfKind,
  PayloadType,
  payloadDeclarations,
} from './payloads/index.ts';

/** Most payloads that are read in one message. */
export const MAX_PAYLOADS = 64;

/** A chain of payloads. `raw[i]` are the bytes of `payloads[i]` as they stand on the wire, generic header included. */
export interface PayloadChain {
  readonly payloads: readonly Payload[];
  readonly raw: readonly Uint8Array[];
}

/** A message that is read. Of an encrypted one the chain is empty and `body` is the ciphertext. */
export interface Message extends PayloadChain {
  readonly header: IsakmpHeader;
  readonly body: Uint8Array;
}

/** What a sender says of its header; the rest follows from the payloads. */
export interface MessageHead {
  readonly initiatorCookie: Uint8Array;
  readonly responderCookie: Uint8Array;
  readonly exchange: number;
  readonly messageId: number;
  /** Without the encryption flag, which `encryptMessage` sets. */
  readonly flags?: number;
}

const GENERIC_HEADER_BYTES = 4;

const byNumber = new Map(
  payloadDeclarations.flatMap((declaration) => declaration.numbers.map((number) => [number, declaration] as const)),
);
const byKind = new Map(payloadDeclarations.map((declaration) => [declaration.kind as string, declaration]));

/**
 * Reads a datagram (without the non-ESP marker).
 * @throws Malformed for bytes that are no ISAKMP message, among them a length that is not the datagram's
 */
export function decodeMessage(datagram: Uint8Array): Message {
  const header = decodeHeader(datagram);
  if (header.version >>> 4 !== ISAKMP_VERSION >>> 4) throw new Malformed(`version ${header.version >>> 4}`);
  if (header.length > datagram.length) throw new Truncated('ISAKMP message', header.length, datagram.length);
  if (header.length < datagram.length)
    throw new Malformed(`${datagram.length - header.length} bytes after the message`);
  const body = datagram.subarray(HEADER_BYTES);
  if ((header.flags & HeaderFlag.encryption) !== 0) return { header, body, payloads: [], raw: [] };
  const chain = decodePayloads(header.nextPayload, body, 'exact');
  return { header, body, ...chain };
}

/** @param head `flags` are written as given; the length and the first payload's number are added */
export function encodeMessage(head: MessageHead, payloads: readonly Payload[]): Uint8Array {
  return assemble(head, payloads, encodePayloads(payloads));
}

/** A message around a body that is encoded (or encrypted) already. */
export function assemble(head: MessageHead, payloads: readonly Payload[], body: Uint8Array): Uint8Array {
  const header = IsakmpHeader.encode({
    initiatorCookie: head.initiatorCookie,
    responderCookie: head.responderCookie,
    nextPayload: payloads[0] === undefined ? PayloadType.NONE : numberOf(payloads[0]),
    version: ISAKMP_VERSION,
    exchange: head.exchange,
    flags: head.flags ?? 0,
    messageId: head.messageId,
    length: HEADER_BYTES + body.length,
  });
  return concat(header, body);
}

/**
 * Reads a chain of payloads.
 * @param first number of the first payload
 * @param tail what may follow the last payload: nothing (`exact`), or the padding of encryption (`padded`)
 * @throws Malformed
 */
export function decodePayloads(first: number, body: Uint8Array, tail: 'exact' | 'padded'): PayloadChain {
  const payloads: Payload[] = [];
  const raw: Uint8Array[] = [];
  const from = new Reader(body, 'payload chain');
  for (let number = first; number !== PayloadType.NONE; ) {
    if (payloads.length === MAX_PAYLOADS) throw new Malformed(`more than ${MAX_PAYLOADS} payloads`);
    const start = from.offset;
    const next = from.u8();
    from.skip(1);
    const length = from.u16();
    if (length < GENERIC_HEADER_BYTES) throw new Malformed(`payload ${number} of length ${length}`);
    payloads.push(readBody(number, from.sub(length - GENERIC_HEADER_BYTES, `payload ${number}`)));
    raw.push(body.subarray(start, start + length));
    number = next;
  }
  if (tail === 'exact' && from.left > 0) throw new Malformed(`${from.left} bytes after the last payload`);
  return { payloads, raw };
}

/** The chain as it stands on the wire, generic headers included. */
export function encodePayloads(payloads: readonly Payload[]): Uint8Array {
  const to = new Writer();
  payloads.forEach((payload, i) => {
    const next = payloads[i + 1];
    to.u8(next === undefined ? PayloadType.NONE : numberOf(next)).u8(0);
    to.withLength16((inner) => writeBody(inner, payload), GENERIC_HEADER_BYTES);
  });
  return to.finish();
}

/** A payload without its generic header, as SAi_b, IDii_b and the like in RFC 2409 §3.2. */
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

/** All that follows the leading HASH payload, as received: what HASH(1), HASH(2) and the informational HASH cover. */
export function receivedAfterHash(chain: PayloadChain): Uint8Array {
  return concat(...chain.raw.slice(1));
}

/** The first payload of a kind. */
export function find<Kind extends PayloadKind>(chain: PayloadChain, kind: Kind): PayloadOfKind<Kind> | undefined {
  return chain.payloads.find((payload): payload is PayloadOfKind<Kind> => payload.kind === kind);
}

/** All payloads of a kind, in order. */
export function all<Kind extends PayloadKind>(chain: PayloadChain, kind: Kind): readonly PayloadOfKind<Kind>[] {
  return chain.payloads.filter((payload): payload is PayloadOfKind<Kind> => payload.kind === kind);
}

/** The number under which a payload travels. */
export function numberOf(payload: Payload): number {
  return payload.number ?? byKind.get(payload.kind)!.numbers[0];
}

function readBody(number: number, from: Reader): Payload {
  const declaration = byNumber.get(number);
  if (declaration === undefined) return { kind: 'unknown', number, data: from.rest() };
  const fields = declaration.body.read(from);
  if (from.left > 0) throw new Malformed(`${declaration.kind}: ${from.left} bytes too many`);
  const kind = declaration.kind;
  return (number === declaration.numbers[0] ? { kind, ...fields } : { kind, number, ...fields }) as Payload;
}

function writeBody(to: Writer, payload: Payload): void {
  if (payload.kind === 'unknown') to.bytes(payload.data);
  else byKind.get(payload.kind)!.body.write(to, payload);
}
