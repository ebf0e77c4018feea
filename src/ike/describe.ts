/** ISAKMP messages as text: one line for traces, and every field for people. RFC 2408 §3. */

import { nameOf, toHex } from '../wire/index.ts';
import { addressText } from './address.ts';
import { identityOf, identityText } from './identity.ts';
import type { Message } from './message.ts';
import {
  type Attribute,
  attributeNumber,
  ExchangeType,
  HeaderFlag,
  NotifyType,
  type Payload,
  PayloadType,
  type Proposal,
  ProtocolId,
  payloadDeclarations,
} from './payloads/index.ts';
import { transformText } from './transform.ts';
import { EspTransform, ikeAttributeNames, saAttributeNames } from './v1/attributes.ts';
import { vendorIdText } from './vendorIds.ts';

/** Hexadecimal in a dump is cut behind this many bytes. */
const MOST_HEX_BYTES = 64;

/** E.g. `MAIN_MODE SA(4 transforms) VID VID NAT-D`. No value of any field but numbers: fit for every log. */
export function summary({ header, payloads }: Message): string {
  const exchange = nameOf(ExchangeType, header.exchange);
  const encrypted = (header.flags & HeaderFlag.encryption) !== 0;
  if (encrypted && payloads.length === 0) return `${exchange} encrypted`;
  return [exchange, ...payloads.map(payloadSummary)].join(' ');
}

/** All fields of a message, a line each. Ciphertext is not shown. */
export function dump(message: Message): string {
  const { header, payloads } = message;
  const flags = Object.entries(HeaderFlag).flatMap(([name, bit]) => ((header.flags & bit) !== 0 ? [name] : []));
  const lines = [
    `ISAKMP ${nameOf(ExchangeType, header.exchange)}`,
    `  cookies: ${toHex(header.initiatorCookie)} ${toHex(header.responderCookie)}`,
    `  version: ${header.version >>> 4}.${header.version & 15}`,
    `  flags: ${flags.join(' ') || 'none'}`,
    `  message id: ${hex32(header.messageId)}`,
    `  length: ${header.length}`,
    ...payloads.flatMap((payload) => payloadLines(payload).map((line) => `  ${line}`)),
  ];
  return lines.join('\n');
}

function payloadSummary(payload: Payload): string {
  switch (payload.kind) {
    case 'SA': {
      const count = payload.proposals.reduce((sum, { transforms }) => sum + transforms.length, 0);
      return `SA(${count} transform${count === 1 ? '' : 's'})`;
    }
    case 'N':
      return `N(${nameOf(NotifyType, payload.notifyType)})`;
    case 'D':
      return `D(${nameOf(ProtocolId, payload.protocol).replace(/^PROTO_(IPSEC_)?/, '')} x${payload.spis.length})`;
    case 'FRAGMENT':
      return `FRAGMENT(${payload.id}#${payload.index})`;
    case 'unknown':
      return `payload-${nameOf(PayloadType, payload.number)}`;
  }
  return payload.kind;
}

function payloadLines(payload: Payload): string[] {
  if (payload.kind === 'unknown') return [`payload ${payload.number}: ${hex(payload.data)}`];
  const names = payloadDeclarations.find(({ kind }) => kind === payload.kind)!.names;
  const { kind, number, ...fields } = payload;
  const lines = [number === undefined ? kind : `${kind} (${number})`, ...meaning(payload)];
  for (const [name, value] of Object.entries(fields)) {
    if (name === 'proposals') lines.push(...(value as readonly Proposal[]).flatMap(proposalLines));
    else lines.push(`  ${name}: ${fieldText(value, names[name])}`);
  }
  return lines;
}

/** What the fields mean together, where that says more than each alone. */
function meaning(payload: Payload): string[] {
  if (payload.kind === 'VID') return [`  is: ${vendorIdText(payload.data)}`];
  if (payload.kind === 'ID') return [`  is: ${identityText(identityOf(payload))}`];
  if (payload.kind === 'NAT-OA') return [`  is: ${addressText(payload.address) ?? 'no address'}`];
  return [];
}

function proposalLines({ number, protocol, spi, transforms }: Proposal): string[] {
  const names = protocol === ProtocolId.PROTO_ISAKMP ? ikeAttributeNames : saAttributeNames;
  return [
    `  proposal ${number}: ${nameOf(ProtocolId, protocol)} spi ${hex(spi)}`,
    ...transforms.flatMap((transform) => [
      `    transform ${transform.number}: ${transformId(protocol, transform.id)} ${transformText(protocol, transform)}`,
      ...transform.attributes.map((attribute) => `      ${attributeText(attribute, names)}`),
    ]),
  ];
}

function transformId(protocol: number, id: number): string {
  if (protocol === ProtocolId.PROTO_ISAKMP) return nameOf({ KEY_IKE: 1 }, id);
  return protocol === ProtocolId.PROTO_IPSEC_ESP ? nameOf(EspTransform, id) : `${id}`;
}

function attributeText(attribute: Attribute, { types, values }: typeof ikeAttributeNames): string {
  const value = attributeNumber(attribute);
  const table = values[attribute.type];
  const text = value === undefined ? hex('bytes' in attribute ? attribute.bytes : new Uint8Array(0)) : `${value}`;
  return `${nameOf(types, attribute.type)}: ${value !== undefined && table ? nameOf(table, value) : text}`;
}

function fieldText(value: unknown, table: Readonly<Record<string, number>> | undefined): string {
  if (value instanceof Uint8Array) return hex(value);
  if (Array.isArray(value)) return value.map((item) => fieldText(item, undefined)).join(' ') || 'none';
  return table !== undefined && typeof value === 'number' ? nameOf(table, value) : String(value);
}

function hex(bytes: Uint8Array): string {
  if (bytes.length === 0) return 'empty';
  const shown = toHex(bytes.subarray(0, MOST_HEX_BYTES));
  return bytes.length > MOST_HEX_BYTES ? `${shown}… (${bytes.length} bytes)` : shown;
}

const hex32 = (value: number) => value.toString(16).padStart(8, '0');
