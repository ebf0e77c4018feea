/** Traffic selectors between payloads and the owner's words, and narrowing them. RFC 7296 §2.9, §3.13. */

import { addressBytes, addressText } from '../address.ts';
import type { TrafficSelector } from '../output.ts';
import { MAX_SELECTORS, type TsiPayload, type TsrPayload, TsType, type WireSelector } from './payloads/index.ts';

const LAST_PORT = 65_535;

/**
 * The selectors of a payload that are ranges of addresses, in their order. Other types are left out: a responder narrows
 * them away. A range that ends before it begins is left out too; OPAQUE ports (65535 to 0) are kept.
 */
export function readSelectors({ selectors }: TsiPayload | TsrPayload): readonly TrafficSelector[] {
  return selectors.flatMap((selector) => {
    if ('data' in selector || compare(selector.first, selector.last) > 0) return [];
    const { protocol, firstPort, lastPort } = selector;
    if (firstPort > lastPort && !isOpaque(selector)) return [];
    return [{ first: addressText(selector.first)!, last: addressText(selector.last)!, protocol, firstPort, lastPort }];
  });
}

/** @throws RangeError for what is no address, for families that differ, and for more selectors than anyone reads */
export function selectorsPayload(kind: 'TSi' | 'TSr', selectors: readonly TrafficSelector[]): TsiPayload | TsrPayload {
  if (selectors.length > MAX_SELECTORS) throw new RangeError(`${selectors.length} traffic selectors`);
  return { kind, selectors: selectors.map(wireSelector) };
}

/**
 * What is asked for, cut down to what is granted: every intersection of an asked with a granted selector, in the order of
 * the asked ones, without those that lie in another one.
 * @returns an empty list where they have nothing in common: TS_UNACCEPTABLE
 */
export function narrow(
  asked: readonly TrafficSelector[],
  granted: readonly TrafficSelector[],
): readonly TrafficSelector[] {
  const parts: TrafficSelector[] = [];
  for (const one of asked) {
    for (const other of granted) {
      const part = intersection(one, other);
      if (part === undefined || parts.some((known) => covers(known, part))) continue;
      for (let i = parts.length - 1; i >= 0; i--) if (covers(part, parts[i]!)) parts.splice(i, 1);
      parts.push(part);
      if (parts.length === MAX_SELECTORS) return parts;
    }
  }
  return parts;
}

/** What two selectors have in common; undefined where that is nothing. */
export function intersection(a: TrafficSelector, b: TrafficSelector): TrafficSelector | undefined {
  const [aFirst, aLast, bFirst, bLast] = [a.first, a.last, b.first, b.last].map(mustBeAddress);
  if (aFirst!.length !== bFirst!.length) return undefined;
  if (a.protocol !== 0 && b.protocol !== 0 && a.protocol !== b.protocol) return undefined;
  const first = compare(aFirst!, bFirst!) >= 0 ? aFirst! : bFirst!;
  const last = compare(aLast!, bLast!) <= 0 ? aLast! : bLast!;
  const ports = commonPorts(a, b);
  if (compare(first, last) > 0 || ports === undefined) return undefined;
  const protocol = a.protocol === 0 ? b.protocol : a.protocol;
  return { first: addressText(first)!, last: addressText(last)!, protocol, ...ports };
}

/** Whether all traffic of `inner` is traffic of `outer`. */
export function covers(outer: TrafficSelector, inner: TrafficSelector): boolean {
  const part = intersection(outer, inner);
  return part !== undefined && selectorText(part) === selectorText(inner);
}

/** Whether every one of `inner` lies in one of `outer`: what a responder answers must lie in what was proposed. */
export const allCovered = (outer: readonly TrafficSelector[], inner: readonly TrafficSelector[]): boolean =>
  inner.every((selector) => outer.some((candidate) => covers(candidate, selector)));

/** E.g. `10.0.0.0/24`, `192.0.2.1 udp 1701`, `10.0.0.1-10.0.0.9 tcp 80-443`, `2001:db8::/32`. */
export function selectorText({ first, last, protocol, firstPort, lastPort }: TrafficSelector): string {
  const anyPort = firstPort === 0 && lastPort === LAST_PORT;
  const ports = firstPort === lastPort ? `${firstPort}` : firstPort > lastPort ? 'opaque' : `${firstPort}-${lastPort}`;
  const name = protocol === 0 ? (anyPort ? [] : ['any']) : [protocolNames[protocol] ?? `protocol ${protocol}`];
  return [rangeText(first, last), ...name, ...(anyPort ? [] : [ports])].join(' ');
}

export const selectorsText = (selectors: readonly TrafficSelector[]): string =>
  selectors.map(selectorText).join(', ') || 'nothing';

/** All protocols and ports of an address or a prefix. @throws RangeError for text that is neither */
export function selectorOfPrefix(text: string): TrafficSelector {
  const [host = '', length] = text.split('/');
  const address = mustBeAddress(host);
  const bits = length === undefined ? address.length * 8 : Number(length);
  if (!Number.isInteger(bits) || bits < 0 || bits > address.length * 8 || length === '') {
    throw new RangeError(`'${text}' is no IP address or prefix`);
  }
  const [first, last] = [new Uint8Array(address.length), new Uint8Array(address.length)];
  for (let i = 0; i < address.length; i++) {
    const mask = 0xff & (0xff00 >> Math.min(8, Math.max(0, bits - 8 * i)));
    first[i] = address[i]! & mask;
    last[i] = address[i]! | (0xff & ~mask);
  }
  return { first: addressText(first)!, last: addressText(last)!, protocol: 0, firstPort: 0, lastPort: LAST_PORT };
}

const protocolNames: Readonly<Record<number, string>> = { 1: 'icmp', 6: 'tcp', 17: 'udp', 47: 'gre', 58: 'icmpv6' };

function wireSelector({ first, last, protocol, firstPort, lastPort }: TrafficSelector): WireSelector {
  const [from, to] = [mustBeAddress(first), mustBeAddress(last)];
  if (from.length !== to.length) throw new RangeError(`${first} and ${last} are of two families`);
  const tsType = from.length === 4 ? TsType.TS_IPV4_ADDR_RANGE : TsType.TS_IPV6_ADDR_RANGE;
  return { tsType, protocol, firstPort, lastPort, first: from, last: to };
}

interface Ports {
  readonly firstPort: number;
  readonly lastPort: number;
}

/** The ports that cannot be seen, as in fragments: 65535 to 0. RFC 7296 §3.13.1. */
const isOpaque = ({ firstPort, lastPort }: Ports) => firstPort === LAST_PORT && lastPort === 0;
const isAnyPort = ({ firstPort, lastPort }: Ports) => firstPort === 0 && lastPort === LAST_PORT;

function commonPorts(a: Ports, b: Ports): Ports | undefined {
  if (isOpaque(a) || isOpaque(b)) {
    if ((isOpaque(a) && isOpaque(b)) || isAnyPort(a) || isAnyPort(b)) return { firstPort: LAST_PORT, lastPort: 0 };
    return undefined;
  }
  const firstPort = Math.max(a.firstPort, b.firstPort);
  const lastPort = Math.min(a.lastPort, b.lastPort);
  return firstPort > lastPort ? undefined : { firstPort, lastPort };
}

/** A prefix where the range is one. */
function rangeText(first: string, last: string): string {
  if (first === last) return first;
  const [from, to] = [mustBeAddress(first), mustBeAddress(last)];
  const differing = from.map((byte, i) => byte ^ to[i]!);
  const bits = Array.from(differing, (byte) => byte.toString(2).padStart(8, '0')).join('');
  const hosts = bits.replace(/^0*/, '');
  const aligned = from.every((byte, i) => (byte & differing[i]!) === 0);
  return /^1*$/.test(hosts) && aligned ? `${first}/${bits.length - hosts.length}` : `${first}-${last}`;
}

function mustBeAddress(text: string): Uint8Array {
  const bytes = addressBytes(text);
  if (bytes === undefined) throw new RangeError(`'${text}' is no IP address`);
  return bytes;
}

function compare(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return a[i]! - b[i]!;
  return 0;
}
