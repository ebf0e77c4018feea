/**
 * Options that are always answered by Configure-Reject, together in one packet: their names, for the trace alone.
 * Whatever is in no table is declined the same way.
 */

/** RFC 1661 §6.3, RFC 1570 §2, RFC 1990 §5.1, RFC 2125; IANA's registry of LCP options. */
export const declinedByLcp = {
  quality: 4,
  fcs: 9,
  'self-describing-padding': 10,
  'numbered-mode': 11,
  'multilink-procedure': 12,
  callback: 13,
  'compound-frames': 15,
  mrru: 17,
  ssnhf: 18,
  endpoint: 19,
  proprietary: 20,
  'link-discriminator': 23,
  cobs: 25,
  'prefix-elision': 26,
  'multilink-header': 27,
  internationalization: 28,
} as const;

/** RFC 1332 §3.1 (deprecated), §3.2; RFC 2290. */
export const declinedByIpcp = {
  'ip-addresses': 1,
  compression: 2,
  'mobile-ipv4': 4,
} as const;

/** RFC 5172. */
export const declinedByIpv6cp = { compression: 2 } as const;
