/** Why a link ends, where no single protocol has the words for it. */

import type { Failure } from '../core/index.ts';
import { printable, utf8 } from '../wire/index.ts';
import { Protocol } from './frame.ts';

export const LCP_TIMEOUT: Failure = {
  code: 'lcp-timeout',
  reason: 'The peer did not answer LCP Configure-Requests.',
  remedy: 'Check that PPP is started at the peer, and that packets of the path are not lost.',
};

export const ESTABLISH_TIMEOUT: Failure = {
  code: 'establish-timeout',
  reason: 'The link was not established in time.',
};

export const BAD_ADDRESS: Failure = {
  code: 'ipcp-no-address',
  reason: 'What was given as an address of the link is no IPv4 address.',
  remedy: 'Check the address pool and the fixed addresses of users.',
};

export const NOT_AUTHENTICATED: Failure = {
  code: 'authentication-refused',
  reason: 'The peer opened the link without agreeing to authenticate itself.',
  remedy: 'Enter a user name and a password at the peer.',
};

const AUTHENTICATION_REJECTED: Failure = {
  code: 'authentication-refused',
  reason: 'The peer rejected the authentication protocol that it had agreed to.',
};

/** Protocols without which the link is of no use, when the peer rejects them. */
export const rejectedProtocols: Readonly<Record<number, Failure>> = {
  [Protocol.LCP]: { code: 'lcp-rejected', reason: 'The peer rejected LCP.' },
  [Protocol.PAP]: AUTHENTICATION_REJECTED,
  [Protocol.CHAP]: AUTHENTICATION_REJECTED,
  [Protocol.EAP]: AUTHENTICATION_REJECTED,
  [Protocol.IPCP]: {
    code: 'ipcp-rejected',
    reason: 'The peer rejected IPCP.',
    remedy: 'Enable IPv4 for the connection at the peer.',
  },
};

/** @param authenticating whether the peer left before authentication was through: a Failure may have been lost */
export function peerTerminated(message: string, authenticating: boolean): Failure {
  const text = printable(utf8(message));
  return {
    code: 'peer-terminated',
    reason: `The peer terminated the link${authenticating ? ' during authentication' : ''}${text && ` ("${text}")`}.`,
    ...(authenticating && { remedy: 'Check the user name and the password.' }),
  };
}

/** The peer left because we may not use the method that it demands. */
export function noCommonMethod(demanded: string, allowed: readonly string[]): Failure {
  return {
    code: 'no-common-authentication',
    reason: `The peer demands authentication by ${demanded}, but here ${allowed.join(', ') || 'none'} is allowed.`,
    remedy: `Allow ${demanded} here, or one of these methods at the peer.`,
  };
}
