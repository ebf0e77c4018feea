/** The phases of a connection, and which message and milestone belongs to which. */

import type { LogLine } from '../../test/e2e/lab/program.ts';

export interface Phase {
  readonly name: string;
  readonly about: string;
  /** Messages with which it begins. */
  readonly begins: RegExp;
  /** Milestones that are told in it, and how. */
  readonly milestones: Readonly<Record<string, string>>;
}

export const phases: readonly Phase[] = [
  {
    name: 'IKE main mode',
    about: 'both ends agree on algorithms and keys, and prove that they know the pre-shared key',
    begins: /^MAIN_MODE/,
    milestones: {
      'ike proposal agreed': 'algorithms',
      'nat found': 'NAT found',
      'ike keys agreed': '',
      'ike main mode done': 'IKE SA established',
    },
  },
  {
    name: 'IKE quick mode',
    about: 'keys for the packets themselves',
    begins: /^QUICK_MODE/,
    milestones: { 'ESP SA installed': 'ESP SAs installed', 'quick mode done': '' },
  },
  {
    name: 'L2TP tunnel',
    about: 'from here on every message travels inside ESP',
    begins: /^SCCRQ/,
    milestones: { 'tunnel established': 'tunnel established' },
  },
  {
    name: 'L2TP session',
    about: 'a call in the tunnel',
    begins: /^ICRQ/,
    milestones: { 'session established': 'session established' },
  },
  {
    name: 'PPP link',
    about: 'LCP: packet sizes, and how the user proves who it is',
    begins: /^LCP ConfReq/,
    milestones: { 'LCP opened': 'link opened' },
  },
  {
    name: 'Authentication',
    about: 'the user and the gateway prove that they know the password',
    begins: /^(CHAP|PAP)/,
    milestones: { authenticated: 'authenticated' },
  },
  {
    name: 'Addresses',
    about: 'IPCP: an address in the network behind the gateway, and name servers',
    begins: /^IPCP/,
    milestones: { 'IPCP opened': 'connected' },
  },
  {
    name: 'Data',
    about: 'IP packets',
    begins: /^$/,
    milestones: {
      'first packet to the peer': 'first packet to the gateway',
      'first packet from the peer': 'first packet from the gateway',
    },
  },
  {
    name: 'Teardown',
    about: 'LCP, session, tunnel, ESP and IKE end in this order',
    begins: /^LCP TermReq/,
    milestones: {
      'session ended': 'session ended',
      'StopCCN acknowledged': 'tunnel ended',
      closed: 'closed',
    },
  },
];

/** Index of the phase that a log line begins or belongs to; undefined where it may be any. */
export function phaseOf(line: LogLine): number | undefined {
  const at = phases.findIndex(({ begins, milestones }) =>
    line.event === 'message' ? begins.test(line.msg) : line.event === 'milestone' && String(line.name) in milestones,
  );
  return at < 0 ? undefined : at;
}
