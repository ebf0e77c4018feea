/** Primary and secondary DNS and NBNS (WINS) server addresses. RFC 1877. */

import type { IpcpContext, NameServerKind } from '../ipcp.ts';
import { ipv4, isIpv4, UNSPECIFIED } from './ipAddress.ts';
import type { Option } from './option.ts';

export const dns1 = nameServer(129, 'dns1', 'dns', 0);
export const nbns1 = nameServer(130, 'nbns1', 'nbns', 0);
export const dns2 = nameServer(131, 'dns2', 'dns', 1);
export const nbns2 = nameServer(132, 'nbns2', 'nbns', 1);

function nameServer(type: number, name: string, kind: NameServerKind, place: number): Option<IpcpContext, string> {
  return {
    type,
    name,
    codec: ipv4,
    text: String,
    request: ({ request, learned }) => (request[kind] ? (learned[type] ?? UNSPECIFIED) : undefined),
    naked: (context, suggested) => {
      context.learned[type] = suggested;
    },
    judge: (context, asked) => {
      const servers = context[kind].filter(isIpv4);
      // The only one stands in both places, as pppd gives it: a Configure-Reject of the second costs a round trip.
      const ours = servers[place] ?? servers[0];
      if (ours === undefined) return 'reject';
      return asked === ours ? 'ack' : { nak: ours };
    },
  };
}
