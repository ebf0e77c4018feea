/** What the packet path keeps per session: of those over L2TP and of those of tunnel mode alike. Flat and mutable. */

import type { Instant } from '../core/index.ts';
import {
  IPV4_LEAST_MTU,
  IPV6_LEAST_MTU,
  IPV6_SOURCE,
  ipv4Source,
  type Prefix,
  PrefixMatch,
  parseIpv4Number,
  parsePrefix,
} from '../net/index.ts';
import type { Channel } from './channel.ts';
import { type DataHeader, dataHeader, idsKey } from './l2tpData.ts';
import {
  COUNTERS_PER_SESSION,
  type InnerPath,
  type RateLimit,
  type SessionParameters,
  type TunnelSessionParameters,
} from './messages.ts';
import { ReorderQueue } from './reorder.ts';
import { Selectors } from './selectors.ts';
import { TokenBucket } from './tokenBucket.ts';

/** A full bucket lets the largest packet pass that a session may be given whole. */
const LEAST_BURST = 1500;
const DSCP_MASK = 0xfc;

export class Session {
  readonly slot: number;
  /** Index of the first counter. */
  readonly counter: number;
  readonly channel: Channel;
  /** Whether its packets stand in ESP themselves. */
  readonly isTunnel: boolean;
  /** Key among the channel's sessions, and the peer's. Of sessions over L2TP, as all up to `magic`. */
  readonly ids: number;
  readonly peerIds: number;
  /** With IPv4's protocol number as its last byte. */
  header: DataHeader;
  readonly reorder: ReorderQueue | undefined;
  /** As a LAC that follows the LNS: headers with and without numbers. */
  readonly #headers: readonly [without: DataHeader, with_: DataHeader] | undefined;
  /** Ours, for echoes; undefined where the control plane answers them. */
  readonly magic: number | undefined;
  sequence = 0;
  /** Of sessions of tunnel mode. */
  readonly selectors: Selectors | undefined;
  /** The DSCP of outer headers, in its place; -1 for the inner packet's. */
  readonly dscp: number;
  mtu = 0;
  mtu6 = 0;
  mss = 0;
  /** Signed 32-bit number; undefined where any address may be the peer's, or none where `isIpv4` is false. */
  address: number | undefined = undefined;
  isIpv4 = true;
  isIpv6 = false;
  /** Undefined where any IPv6 address may be the peer's. */
  prefixes: readonly Prefix[] | undefined = undefined;
  #matches: readonly PrefixMatch[] = NO_MATCHES;
  toPeer: TokenBucket | undefined = undefined;
  fromPeer: TokenBucket | undefined = undefined;
  seenFromPeer = false;
  seenToPeer = false;

  /** @throws RangeError for an address or prefix that does not read */
  constructor(parameters: SessionParameters | TunnelSessionParameters, channel: Channel, now: Instant) {
    this.slot = parameters.slot;
    this.counter = parameters.slot * COUNTERS_PER_SESSION;
    this.channel = channel;
    this.isTunnel = !('localTunnel' in parameters);
    if ('localTunnel' in parameters) {
      this.ids = idsKey(parameters.localTunnel, parameters.localSession);
      this.peerIds = idsKey(parameters.peerTunnel, parameters.peerSession);
      this.header = dataHeader(parameters);
      this.magic = parameters.magic;
      this.reorder = new ReorderQueue(parameters.reorder);
      this.#headers = parameters.followSequencing
        ? [dataHeader({ ...parameters, sequencing: false }), dataHeader({ ...parameters, sequencing: true })]
        : undefined;
      this.sequence = channel.nextSequence(this.peerIds);
      this.selectors = undefined;
      this.dscp = 0;
    } else {
      const { localSelectors, remoteSelectors, dscp = 'copy' } = parameters;
      this.ids = this.peerIds = 0;
      this.header = NO_HEADER;
      this.magic = undefined;
      this.reorder = undefined;
      this.#headers = undefined;
      this.selectors =
        localSelectors === undefined && remoteSelectors === undefined
          ? undefined
          : new Selectors(localSelectors ?? ANYTHING, remoteSelectors ?? ANYTHING);
      this.dscp = dscp === 'copy' ? -1 : (dscp << 2) & DSCP_MASK;
    }
    this.change(parameters, now);
  }

  /** @throws RangeError for an address or prefix that does not read; then nothing has changed */
  change(inner: InnerPath, now: Instant): void {
    const { peerAddress, peerPrefixes, mtuToPeer, mss } = inner;
    const address = peerAddress === undefined ? undefined : addressKey(peerAddress);
    const prefixes = peerPrefixes?.map(readPrefix);
    this.address = address;
    this.prefixes = prefixes;
    this.#matches = prefixes?.map((prefix) => new PrefixMatch(prefix)) ?? NO_MATCHES;
    this.isIpv4 = peerAddress !== undefined || peerPrefixes === undefined;
    this.isIpv6 = inner.ipv6 ?? peerPrefixes !== undefined;
    this.mtu = Math.max(IPV4_LEAST_MTU, mtuToPeer);
    this.mtu6 = Math.max(IPV6_LEAST_MTU, mtuToPeer);
    this.mss = mss;
    this.toPeer = bucket(inner.limitToPeer, this.toPeer, now);
    this.fromPeer = bucket(inner.limitFromPeer, this.fromPeer, now);
  }

  /** Whether everything that no other session claims goes here: it is a client's. */
  get isDefault(): boolean {
    return this.address === undefined && this.prefixes === undefined;
  }

  /** Whether the source of the IPv4 packet at `at` is the peer's. */
  owns4(bytes: Uint8Array, at: number): boolean {
    return this.address === undefined ? this.isIpv4 : ipv4Source(bytes, at) === this.address;
  }

  /** The same for IPv6. */
  owns6(bytes: Uint8Array, at: number): boolean {
    if (this.prefixes === undefined) return true;
    const matches = this.#matches;
    for (let i = 0; i < matches.length; i++) if (matches[i]!.contains(bytes, at + IPV6_SOURCE)) return true;
    return false;
  }

  /** A data message of the peer came with or without a number: as LAC we do the same. RFC 2661 §5.4. */
  follow(numbered: boolean): void {
    if (this.#headers !== undefined) this.header = this.#headers[numbered ? 1 : 0];
  }
}

/** An IPv4 address as the readers of `net/` give it: a signed 32-bit number. */
export function addressKey(address: string): number {
  const number = parseIpv4Number(address);
  if (number === undefined) throw new RangeError(`not an IPv4 address: ${address}`);
  return number | 0;
}

function readPrefix(text: string): Prefix {
  const prefix = parsePrefix(text);
  if (prefix === undefined || prefix.address.length !== 16) throw new RangeError(`not an IPv6 prefix: ${text}`);
  return prefix;
}

/** What is left in a bucket stays there where the limit has not changed. */
function bucket(limit: RateLimit | undefined, old: TokenBucket | undefined, now: Instant): TokenBucket | undefined {
  if (limit === undefined) return undefined;
  return old?.is(limit, LEAST_BURST) ? old : new TokenBucket(limit, LEAST_BURST, now);
}

const NO_MATCHES: readonly PrefixMatch[] = [];

const NO_HEADER: DataHeader = { bytes: new Uint8Array(0), lengthAt: -1, sequenceAt: -1, pppAt: 0 };

const ANYTHING = [
  { first: '0.0.0.0', last: '255.255.255.255', protocol: 0, firstPort: 0, lastPort: 0xffff },
  {
    first: '::',
    last: 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff',
    protocol: 0,
    firstPort: 0,
    lastPort: 0xffff,
  },
];
