/** Between the one selector that L2TP and IKEv1 speak of and the ranges of IKEv2. */

import { addressBytes } from '../address.ts';
import type { Selector, TrafficSelector } from '../output.ts';
import { selectorOfPrefix } from './selectors.ts';

const LAST_PORT = 65_535;

/** An address, or the smallest prefix that holds the range; a range of ports is any. */
export function selectorOf({ first, last, protocol, firstPort, lastPort }: TrafficSelector): Selector {
  const port = firstPort === lastPort ? firstPort : 0;
  if (first === last) return { address: first, protocol, port };
  const [from, to] = [addressBytes(first)!, addressBytes(last)!];
  let bits = 0;
  while (bits < from.length * 8 && bitOf(from, bits) === bitOf(to, bits)) bits++;
  const { first: base } = selectorOfPrefix(`${first}/${bits}`);
  return { address: `${base}/${bits}`, protocol, port };
}

const bitOf = (bytes: Uint8Array, at: number): number => (bytes[at >> 3]! >> (7 - (at & 7))) & 1;

/** @throws RangeError for what is no address or prefix */
export function trafficSelectorOf({ address, protocol, port }: Selector): TrafficSelector {
  const { first, last } = selectorOfPrefix(address);
  return { first, last, protocol, firstPort: port, lastPort: port === 0 ? LAST_PORT : port };
}
