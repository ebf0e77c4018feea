/** IKEv2 messages as text: one line for traces, and every field for people. RFC 7296 §3. */

import { nameOf, printable, toHex } from '../../wire/index.ts';
import { addressText } from '../address.ts';
import { identityOf, identityText } from '../identity.ts';
import {
  CfgAttribute,
  type ConfigurationAttribute,
  ExchangeType,
  IdType,
  NotifyType,
  type Payload,
  PayloadType,
  type Proposal,
  ProtocolId,
  payloadDeclarations,
  TransformType,
  TsType,
  type WireSelector,
} from './payloads/index.ts';
import { transformName } from './proposalTransforms.ts';
import { selectorText } from './selectors.ts';
import { type IkeHeader, isFromInitiator, isResponse } from './wire/header.ts';
import type { PayloadChain } from './wire/message.ts';

/** A message as it is read, or opened; `sealed` where it was not opened. */
export interface Described extends Pick<PayloadChain, 'payloads'> {
  readonly header: IkeHeader;
  readonly sealed?: unknown;
}

/** Hexadecimal in a dump is cut behind this many bytes. */
const MOST_HEX_BYTES = 64;

/** E.g. `IKE_AUTH request 1 IDi AUTH SA(2 proposals) TSi TSr N(MOBIKE_SUPPORTED)`. No value of any field but numbers. */
export function summaryV2({ header, payloads, sealed }: Described): string {
  const names = payloads.map(payloadSummary);
  return [headText(header), ...names, ...(sealed === undefined ? [] : ['encrypted'])].join(' ');
}

/** All fields of a message, a line each. Ciphertext is not shown. */
export function dumpV2(message: Described): string {
  const { header, payloads } = message;
  const lines = [
    `IKEv2 ${headText(header)}`,
    `  SPIs: ${toHex(header.initiatorSpi)} ${toHex(header.responderSpi)}`,
    `  version: ${header.version >>> 4}.${header.version & 15}`,
    `  from: ${isFromInitiator(header) ? 'initiator' : 'responder'} of the IKE SA`,
    `  length: ${header.length}`,
    ...payloads.flatMap((payload) => payloadLines(payload).map((line) => `  ${line}`)),
    ...(message.sealed === undefined ? [] : ['  encrypted']),
  ];
  return lines.join('\n');
}

/** E.g. `N(COOKIE)`, `SA(2 proposals)`, `TSi(1)`, `payload-200!` for a critical unknown one. */
export function payloadSummary(payload: Payload): string {
  switch (payload.kind) {
    case 'SA':
      return `SA(${count(payload.proposals, 'proposal')})`;
    case 'N':
      return `N(${nameOf(NotifyType, payload.notifyType)})`;
    case 'D':
      return payload.protocol === ProtocolId.IKE
        ? 'D(IKE)'
        : `D(${nameOf(ProtocolId, payload.protocol)} x${payload.spis.length})`;
    case 'SKF':
      return `SKF(${payload.fragment} of ${payload.total})`;
    case 'unknown':
      return `payload-${nameOf(PayloadType, payload.number)}${payload.critical ? '!' : ''}`;
  }
  return payload.kind;
}

function headText(header: IkeHeader): string {
  const kind = isResponse(header) ? 'response' : 'request';
  return `${nameOf(ExchangeType, header.exchange)} ${kind} ${header.messageId}`;
}

function payloadLines(payload: Payload): string[] {
  if (payload.kind === 'unknown') {
    return [`payload ${payload.number}${payload.critical ? ' critical' : ''}: ${hex(payload.data)}`];
  }
  if (payload.kind === 'SK' || payload.kind === 'SKF') return [payloadSummary(payload)];
  const { names } = payloadDeclarations.find(({ kind }) => kind === payload.kind)!;
  const { kind, number: _, ...fields } = payload;
  const lines: string[] = [kind, ...meaning(payload)];
  for (const [name, value] of Object.entries(fields)) lines.push(...fieldLines(payload, name, value, names[name]));
  return lines;
}

function fieldLines(
  payload: Payload,
  name: string,
  value: unknown,
  names: Readonly<Record<string, number>> | undefined,
): string[] {
  if (payload.kind === 'SA') return payload.proposals.flatMap(proposalLines);
  if (payload.kind === 'CP' && name === 'attributes') return payload.attributes.map(attributeLine);
  if (payload.kind === 'TSi' || payload.kind === 'TSr') return payload.selectors.map((s) => `  ${wireSelectorText(s)}`);
  return [`  ${name}: ${fieldText(value, names)}`];
}

/** What the fields mean together, where that says more than each alone. */
function meaning(payload: Payload): string[] {
  if (payload.kind !== 'IDi' && payload.kind !== 'IDr') return [];
  return [`  is: ${payload.idType === IdType.ID_NULL ? 'nobody' : identityText(identityOf(payload))}`];
}

function proposalLines({ number, protocol, spi, transforms }: Proposal): string[] {
  return [
    `  proposal ${number}: ${nameOf(ProtocolId, protocol)} spi ${hex(spi)}`,
    ...transforms.map((each) => `    ${nameOf(TransformType, each.type)} ${each.id}: ${transformName(each)}`),
  ];
}

const ADDRESSES: readonly number[] = [
  ...[CfgAttribute.INTERNAL_IP4_ADDRESS, CfgAttribute.INTERNAL_IP4_NETMASK, CfgAttribute.INTERNAL_IP4_DNS],
  ...[CfgAttribute.INTERNAL_IP4_NBNS, CfgAttribute.INTERNAL_IP4_DHCP, CfgAttribute.INTERNAL_IP6_DNS],
];
const TEXTS: readonly number[] = [CfgAttribute.APPLICATION_VERSION, CfgAttribute.INTERNAL_DNS_DOMAIN];

function attributeLine({ type, value }: ConfigurationAttribute): string {
  const name = `  ${nameOf(CfgAttribute, type)}`;
  if (value.length === 0) return name;
  const text = ADDRESSES.includes(type) ? addressText(value) : TEXTS.includes(type) ? printable(value) : undefined;
  return `${name}: ${text ?? hex(value)}`;
}

function wireSelectorText(selector: WireSelector): string {
  if ('data' in selector) return `${nameOf(TsType, selector.tsType)}: ${hex(selector.data)}`;
  const { first, last, protocol, firstPort, lastPort } = selector;
  return selectorText({ first: addressText(first)!, last: addressText(last)!, protocol, firstPort, lastPort });
}

function fieldText(value: unknown, table: Readonly<Record<string, number>> | undefined): string {
  if (value instanceof Uint8Array) return hex(value);
  if (Array.isArray(value)) return value.map((item) => fieldText(item, undefined)).join(' ') || 'none';
  return table !== undefined && typeof value === 'number' ? nameOf(table, value) : String(value);
}

const count = (list: readonly unknown[], what: string) => `${list.length} ${what}${list.length === 1 ? '' : 's'}`;

function hex(bytes: Uint8Array): string {
  if (bytes.length === 0) return 'empty';
  const shown = toHex(bytes.subarray(0, MOST_HEX_BYTES));
  return bytes.length > MOST_HEX_BYTES ? `${shown}… (${bytes.length} bytes)` : shown;
}
