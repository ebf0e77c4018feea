/** Interface-Identifier: the last 64 bits of each end's link-local address. RFC 5072 §4.1. */

import type { Environment } from '../../core/index.ts';
import { type Codec, sameBytes, toHex } from '../../wire/index.ts';
import type { Ipv6cpContext } from '../ipv6cp.ts';
import type { Option } from './option.ts';

const IDENTIFIER_BYTES = 8;
/** The "u" bit: clear in an identifier that is not made of an IEEE address. RFC 5072 §4.1, RFC 4291 §2.5.1. */
const UNIVERSAL = 0x02;

const identifier: Codec<Uint8Array> = {
  read: (from) => from.bytes(IDENTIFIER_BYTES).slice(),
  write: (to, value) => to.bytes(value),
};

export const interfaceIdentifier: Option<Ipv6cpContext, Uint8Array> = {
  type: 1,
  name: 'interface',
  codec: identifier,
  text: identifierText,
  request: ({ local }) => local,
  naked: (context, suggested) => {
    const usable = !isZero(suggested) && !sameBytes(suggested, context.local) && !isPeers(context, suggested);
    context.local = usable ? suggested : newIdentifier(context.random, context.peer);
  },
  rejected: (context) => {
    context.failure = NO_IDENTIFIER;
  },
  judge: (context, asked) => {
    if (isZero(asked) || sameBytes(asked, context.local)) return { nak: newIdentifier(context.random, context.local) };
    context.peer = asked;
    return 'ack';
  },
  missing: (context) => newIdentifier(context.random, context.local),
};

/** Another than `taken`, and never zero. */
export function newIdentifier(random: Environment['random'], taken?: Uint8Array): Uint8Array {
  const made = Uint8Array.from(random(IDENTIFIER_BYTES));
  made[0]! &= ~UNIVERSAL;
  if (isZero(made) || (taken !== undefined && sameBytes(made, taken))) made[7]! ^= 1;
  return isZero(made) ? Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 2) : made;
}

/** Four groups of hexadecimal digits, as in an address. */
export function identifierText(value: Uint8Array): string {
  return toHex(value).match(/.{4}/g)!.join(':');
}

const isPeers = ({ peer }: Ipv6cpContext, value: Uint8Array) => peer !== undefined && sameBytes(peer, value);
const isZero = (value: Uint8Array) => value.every((byte) => byte === 0);

const NO_IDENTIFIER = {
  code: 'ipv6cp-no-identifier',
  reason: 'The peer refused to agree on interface identifiers.',
} as const;
