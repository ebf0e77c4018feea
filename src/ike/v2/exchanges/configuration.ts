/** The Configuration payload: addresses, DNS, networks and domains. RFC 7296 §2.19, §3.15, RFC 8598. */

import type { Failure, Instant } from '../../../core/index.ts';
import { concat, fromUtf8, utf8 } from '../../../wire/index.ts';
import { addressBytes, addressText } from '../../address.ts';
import type { RemoteConfiguration } from '../../ask.ts';
import { isFailure } from '../childPolicy.ts';
import type { Context } from '../context.ts';
import type { IkeSa } from '../ikeSa.ts';
import { CfgAttribute, CfgType, type ConfigurationAttribute, type CpPayload } from '../payloads/index.ts';
import { all, type PayloadChain } from '../wire/index.ts';

/** What a client takes of each kind. */
const MOST_VALUES = 64;
const NOTHING = new Uint8Array(0);

const requestIn = (chain: Pick<PayloadChain, 'payloads'>): CpPayload | undefined =>
  all(chain, 'CP').find(({ cfgType }) => cfgType === CfgType.CFG_REQUEST);

/** As responder: asks the owner for what the peer wants. `then` gets the reply, why there is none, or undefined. */
export function configurePeer(
  context: Context,
  sa: IkeSa,
  chain: Pick<PayloadChain, 'payloads'>,
  now: Instant,
  then: (reply: CpPayload | Failure | undefined, now: Instant) => void,
): void {
  const request = requestIn(chain);
  if (request === undefined || !context.config.configures) {
    then(undefined, now);
    return;
  }
  const values = (type: number) => request.attributes.filter((attribute) => attribute.type === type);
  const ipv4 = values(CfgAttribute.INTERNAL_IP4_ADDRESS);
  const ipv6 = values(CfgAttribute.INTERNAL_IP6_ADDRESS);
  const preferred = [
    ...ipv4.filter(({ value }) => value.length === 4).map(({ value }) => addressText(value)!),
    ...ipv6.filter(({ value }) => value.length >= 16).map(({ value }) => addressText(value.subarray(0, 16))!),
  ].filter((address) => address !== '0.0.0.0' && address !== '::');
  const question = {
    type: 'askConfiguration',
    ikeSa: sa.id,
    identity: sa.remoteIdentity!,
    ...(sa.user !== undefined && { user: sa.user }),
    authentication: sa.authentication?.remote ?? 'null',
    wantsIpv4: ipv4.length > 0,
    wantsIpv6: ipv6.length > 0,
    preferred,
    ...(sa.resumedFrom !== undefined && { resumed: resumedOf(sa, sa.resumedFrom) }),
  } as const;
  context.ask(sa, question, ({ configuration, credential }, later) => {
    if (sa.auth !== undefined) sa.auth.credential = credential;
    if (isFailure(configuration)) {
      then(configuration, later);
      return;
    }
    const given = configuration;
    sa.configuration = given;
    then(replyTo(request, given), later);
  });
}

const resumedOf = ({ eapMethod }: IkeSa, { credential }: NonNullable<IkeSa['resumedFrom']>) => ({
  ...(eapMethod !== undefined && { eapMethod }),
  ...(credential !== undefined && { credential }),
});

function replyTo({ attributes }: CpPayload, given: RemoteConfiguration): CpPayload {
  const domains = attributes.some(({ type }) => type === CfgAttribute.INTERNAL_DNS_DOMAIN) ? given.domains : [];
  const reply: ConfigurationAttribute[] = [
    ...given.addresses.map((address) =>
      byFamily(address, CfgAttribute.INTERNAL_IP4_ADDRESS, CfgAttribute.INTERNAL_IP6_ADDRESS, true),
    ),
    ...given.dns.map((address) => byFamily(address, CfgAttribute.INTERNAL_IP4_DNS, CfgAttribute.INTERNAL_IP6_DNS)),
    ...given.subnets.map(subnetAttribute),
    ...domains.map((domain) => ({ type: CfgAttribute.INTERNAL_DNS_DOMAIN, value: utf8(domain) })),
  ];
  return { kind: 'CP', cfgType: CfgType.CFG_REPLY, attributes: reply };
}

/** An inner IPv6 address goes with its prefix length: its own. RFC 7296 §3.15.1. */
function byFamily(address: string, ipv4: number, ipv6: number, withPrefix = false): ConfigurationAttribute {
  const bytes = addressBytes(address)!;
  if (bytes.length === 4) return { type: ipv4, value: bytes };
  return { type: ipv6, value: withPrefix ? concat(bytes, Uint8Array.of(128)) : bytes };
}

function subnetAttribute(prefix: string): ConfigurationAttribute {
  const [host = '', length] = prefix.split('/');
  const bytes = addressBytes(host)!;
  const bits = length === undefined ? bytes.length * 8 : Number(length);
  if (bytes.length === 16) return { type: CfgAttribute.INTERNAL_IP6_SUBNET, value: concat(bytes, Uint8Array.of(bits)) };
  const mask = Uint8Array.from({ length: 4 }, (_, i) => 0xff & (0xff00 >> Math.min(8, Math.max(0, bits - 8 * i))));
  return { type: CfgAttribute.INTERNAL_IP4_SUBNET, value: concat(bytes, mask) };
}

/** As initiator: what we want; undefined where that is nothing. */
export function configurationRequest({ config: { initiate } }: Context): CpPayload | undefined {
  const { mode, wantsIpv4 = false, wantsIpv6 = false, preferred = [] } = initiate;
  if (mode !== 'tunnel' || !(wantsIpv4 || wantsIpv6)) return undefined;
  const before = preferred.map(addressBytes).filter((bytes) => bytes !== undefined);
  const v4 = before.find(({ length }) => length === 4) ?? NOTHING;
  const v6 = before.find(({ length }) => length === 16);
  const empty = (type: number): ConfigurationAttribute => ({ type, value: NOTHING });
  const attributes: ConfigurationAttribute[] = [
    ...(wantsIpv4
      ? [
          { type: CfgAttribute.INTERNAL_IP4_ADDRESS, value: v4 },
          empty(CfgAttribute.INTERNAL_IP4_DNS),
          empty(CfgAttribute.INTERNAL_IP4_SUBNET),
        ]
      : []),
    ...(wantsIpv6
      ? [
          {
            type: CfgAttribute.INTERNAL_IP6_ADDRESS,
            value: v6 === undefined ? NOTHING : concat(v6, Uint8Array.of(128)),
          },
          empty(CfgAttribute.INTERNAL_IP6_DNS),
          empty(CfgAttribute.INTERNAL_IP6_SUBNET),
        ]
      : []),
    empty(CfgAttribute.INTERNAL_DNS_DOMAIN),
  ];
  return { kind: 'CP', cfgType: CfgType.CFG_REQUEST, attributes };
}

/** As initiator: what we were given. @returns undefined where the answer has no addresses for us */
export function readConfiguration(chain: Pick<PayloadChain, 'payloads'>): RemoteConfiguration | undefined {
  const reply = all(chain, 'CP').find(({ cfgType }) => cfgType === CfgType.CFG_REPLY);
  if (reply === undefined) return undefined;
  const values = (type: number, lengths: readonly number[]) =>
    reply.attributes
      .filter((attribute) => attribute.type === type && lengths.includes(attribute.value.length))
      .slice(0, MOST_VALUES)
      .map(({ value }) => value);
  const v4 = values(CfgAttribute.INTERNAL_IP4_ADDRESS, [4]).slice(0, 1);
  const v6 = values(CfgAttribute.INTERNAL_IP6_ADDRESS, [16, 17]).slice(0, 1);
  const addresses = [...v4, ...v6].map((value) => addressText(value.length === 4 ? value : value.subarray(0, 16))!);
  if (addresses.length === 0) return undefined;
  const dns = [...values(CfgAttribute.INTERNAL_IP4_DNS, [4]), ...values(CfgAttribute.INTERNAL_IP6_DNS, [16])];
  const v4Subnets = values(CfgAttribute.INTERNAL_IP4_SUBNET, [8]).flatMap((value) => {
    const bits = Array.from(value.subarray(4), (byte) => byte.toString(2).padStart(8, '0')).join('');
    return /^1*0*$/.test(bits) ? [`${addressText(value.subarray(0, 4))}/${bits.replaceAll('0', '').length}`] : [];
  });
  const v6Subnets = values(CfgAttribute.INTERNAL_IP6_SUBNET, [17])
    .filter((value) => value[16]! <= 128)
    .map((value) => `${addressText(value.subarray(0, 16))}/${value[16]}`);
  const domains = reply.attributes
    .filter(({ type, value }) => type === CfgAttribute.INTERNAL_DNS_DOMAIN && value.length > 0)
    .slice(0, MOST_VALUES)
    .map(({ value }) => fromUtf8(value))
    .filter((domain) => /^[A-Za-z0-9._-]{1,253}$/.test(domain));
  return { addresses, dns: dns.map((value) => addressText(value)!), subnets: [...v4Subnets, ...v6Subnets], domains };
}
