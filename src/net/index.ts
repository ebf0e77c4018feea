export {
  canonicalAddress,
  formatAddress,
  formatIpv4,
  formatIpv4Number,
  formatIpv6,
  ipv4Bytes,
  parseAddress,
  parseIpv4,
  parseIpv4Number,
  parseIpv6,
} from './address.ts';
export { AddressPool, type AddressPoolOptions } from './addressPool.ts';
export { checksum, fold, sum16, updateChecksum, WordSum } from './checksum.ts';
export { fragmentCount, writeFragment } from './fragment.ts';
export {
  MOST_ICMP_ERROR_BYTES,
  mayAnswerWithIcmp,
  writeFragmentationNeeded,
  writeProhibited,
  writeTimeExceeded,
} from './icmp.ts';
export {
  type Icmpv6ErrorName,
  icmpv6Checksum,
  MOST_ICMPV6_ERROR_BYTES,
  mayAnswerWithIcmpv6,
  writeIcmpv6Error,
  writePacketTooBig,
} from './icmpv6.ts';
export {
  decrementTtl,
  IPV4_HEADER_BYTES,
  IPV4_LEAST_MTU,
  IPV6_HEADER_BYTES,
  IpProtocol,
  ipv4Destination,
  ipv4DontFragment,
  ipv4FragmentOffset,
  ipv4HeaderBytes,
  ipv4Length,
  ipv4Protocol,
  ipv4Source,
  ipv4Ttl,
  UDP_HEADER_BYTES,
} from './ipv4.ts';
export {
  decrementHopLimit,
  IPV6_DESTINATION,
  IPV6_LEAST_MTU,
  IPV6_SOURCE,
  Ipv6Chain,
  ipv6HopLimit,
  ipv6Length,
  isLinkLocal,
  isMulticast,
  isNeighborDiscovery,
  isUnspecifiedOrLoopback,
  NdType,
} from './ipv6.ts';
export {
  l2tpHeaderBytes,
  outerPacketBytes,
  outerPayloadBytes,
  planMtu,
  planTunnelMtu,
  pppHeaderBytes,
  type TunnelMtu,
  type TunnelShape,
} from './mtu.ts';
export { formatPrefix, type Prefix, parsePrefix, prefixContains } from './prefix.ts';
export { PrefixPool, prefixHost } from './prefixPool.ts';
export { PrefixMatch, PrefixTable } from './prefixTable.ts';
export { clampMss } from './tcpMss.ts';
