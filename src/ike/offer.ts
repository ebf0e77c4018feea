/** The proposals that an initiator sends: as many transforms as its policy names, in its order. RFC 2409 §5, RFC 2407 §4.4. */

import { MAX_TRANSFORMS, ProtocolId, type SaPayload, saPayload } from './payloads/index.ts';
import type { AuthenticationMethod, EspPolicy, IkePolicy } from './proposal.ts';
import { espTransform, ikeTransform } from './transform.ts';
import { EncapsulationMode } from './v1/attributes.ts';

/**
 * Phase 1: one proposal with a transform for each combination of the policy, by each method.
 * @param methods default: the policy's
 */
export function buildIkeProposals(
  policy: IkePolicy,
  methods: readonly AuthenticationMethod[] = [policy.authentication],
): SaPayload {
  const combinations = methods.flatMap((method) => policy.proposals.map((proposal) => ({ method, proposal })));
  const transforms = combinations
    .slice(0, MAX_TRANSFORMS)
    .map(({ method, proposal }, i) => ikeTransform(i + 1, proposal, policy, method));
  return saPayload([{ number: 1, protocol: ProtocolId.PROTO_ISAKMP, spi: new Uint8Array(0), transforms }]);
}

/**
 * Phase 2: one ESP proposal with a transform for each suite of the policy.
 * @param encapsulation a number of `EncapsulationMode`, see `encapsulationNumber`
 * @param spi the SPI that we receive on
 */
export function buildEspProposals(policy: EspPolicy, encapsulation: number, spi: number): SaPayload {
  const transforms = policy.suites.map((suite, i) => espTransform(i + 1, suite, policy, encapsulation));
  const spiBytes = Uint8Array.of(spi >>> 24, spi >>> 16, spi >>> 8, spi);
  return saPayload([{ number: 1, protocol: ProtocolId.PROTO_IPSEC_ESP, spi: spiBytes, transforms }]);
}

/** The number of a mode: plain, UDP-encapsulated by RFC 3947, or UDP-encapsulated by its drafts. */
export function encapsulationNumber(mode: 'transport' | 'tunnel', udp: 'none' | 'rfc' | 'draft'): number {
  if (udp === 'none') return EncapsulationMode[mode];
  return EncapsulationMode[udp === 'rfc' ? (`udp-${mode}` as const) : (`udp-${mode}-draft` as const)];
}
