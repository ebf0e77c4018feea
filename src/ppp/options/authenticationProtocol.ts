/** Authentication-Protocol: who must prove itself, and how. RFC 1661 §6.2, RFC 1994 §3, RFC 2759 §2, RFC 3748 §4. */

import { isEapMethod } from '../../eap/index.ts';
import { type Codec, nameOf, toHex } from '../../wire/index.ts';
import { Protocol } from '../frame.ts';
import type { LcpContext } from '../lcp.ts';
import type { AuthenticationMethod, LcpAuthentication } from '../output.ts';
import type { Option } from './option.ts';

/** An authentication protocol as the option names it. Unknown ones survive. */
export interface AuthenticationChoice {
  readonly protocol: number;
  /** The CHAP algorithm, or what else follows the protocol. */
  readonly parameter: Uint8Array;
}

/** RFC 1994 §3: 5 is MD5; RFC 2759 §2: 0x81. */
const methods: Readonly<Record<LcpAuthentication, AuthenticationChoice>> = {
  pap: { protocol: Protocol.PAP, parameter: new Uint8Array(0) },
  'chap-md5': { protocol: Protocol.CHAP, parameter: Uint8Array.of(0x05) },
  'ms-chap-v2': { protocol: Protocol.CHAP, parameter: Uint8Array.of(0x81) },
  eap: { protocol: Protocol.EAP, parameter: new Uint8Array(0) },
};

const codec: Codec<AuthenticationChoice> = {
  read: (from) => ({ protocol: from.u16(), parameter: from.rest().slice() }),
  write: (to, { protocol, parameter }) => to.u16(protocol).bytes(parameter),
};

export const authenticationProtocol: Option<LcpContext, AuthenticationChoice> = {
  type: 3,
  name: 'auth',
  codec,
  text: textOf,
  request: ({ proposals }) => (proposals[0] === undefined ? undefined : methods[proposals[0]]),
  naked: (context, suggested) => {
    // What was refused is not proposed twice, so this ends whatever the peer suggests.
    const left = context.proposals.slice(1);
    const method = methodOf(suggested);
    context.proposals = method && left.includes(method) ? [method, ...left.filter((m) => m !== method)] : left;
    if (context.proposals.length === 0) {
      context.failure = {
        code: 'no-common-authentication',
        reason: `The peer refused every authentication method that is allowed here (${context.config.requirePeer.join(', ')}).`,
        remedy: 'Allow one of these methods in the settings of the peer, or another method here.',
      };
    }
  },
  rejected: (context) => {
    context.proposals = [];
    context.failure = {
      code: 'authentication-refused',
      reason: 'The peer refused to authenticate itself by any method.',
      remedy: 'Enter a user name and a password at the peer.',
    };
  },
  judge: (context, asked) => {
    const { config } = context;
    const method = methodOf(asked);
    const accepted = config.credentials === undefined ? [] : lcpChoices(config.acceptFromPeer);
    if (method !== undefined && accepted.includes(method)) {
      context.refusedDemand = undefined;
      return 'ack';
    }
    context.refusedDemand = textOf(asked);
    return accepted[0] === undefined ? 'reject' : { nak: methods[accepted[0]] };
  },
};

function textOf(choice: AuthenticationChoice): string {
  return methodOf(choice) ?? `${nameOf(Protocol, choice.protocol)}${toHex(choice.parameter)}`;
}

/** @returns undefined for a protocol that is not spoken here */
export function methodOf({ protocol, parameter }: AuthenticationChoice): LcpAuthentication | undefined {
  const found = Object.entries(methods).find(
    ([, choice]) => choice.protocol === protocol && toHex(choice.parameter) === toHex(parameter),
  );
  return found?.[0] as LcpAuthentication | undefined;
}

/** What LCP has to agree on for one of these methods: EAP stands where its first method stands. */
export function lcpChoices(wanted: readonly AuthenticationMethod[]): readonly LcpAuthentication[] {
  return [...new Set(wanted.map((method) => (isEapMethod(method) ? 'eap' : (method as LcpAuthentication))))];
}
