/** The kinds of change that are made on the host, each a plain record that a journal line holds. */

import type { InterfaceAddress, Route } from '../netlink/rtnetlink.ts';
import { describeRule, type Rule } from '../netlink/rules.ts';

export type HostChange =
  /** An address on a device of ours. */
  | ({ readonly kind: 'address' } & InterfaceAddress)
  | ({ readonly kind: 'route' } & Route)
  /** Which table of routes some packets are looked up in. */
  | ({ readonly kind: 'rule' } & Rule)
  /** A table of nf_tables with masquerading for the clients. */
  | {
      readonly kind: 'nat';
      readonly table: string;
      readonly pools: readonly string[];
      readonly device: string;
    }
  /** A kernel parameter, e.g. `net.ipv4.ip_forward`; with `/` for a name that has a dot in it. */
  | { readonly kind: 'sysctl'; readonly name: string; readonly value: string }
  /** The resolvers in /etc/resolv.conf: the text of a file is replaced, a link gives way to a file of ours. */
  | { readonly kind: 'resolver'; readonly path: string; readonly servers: readonly string[]; readonly search?: string }
  /** The resolvers of a device of ours, which systemd-resolved then asks for every name. */
  | {
      readonly kind: 'linkResolver';
      readonly device: string;
      readonly servers: readonly string[];
      readonly search?: string;
    };

/** What an undo needs to know besides the change itself: how it was before. */
export interface Before {
  /** The sysctl's value. */
  readonly value?: string;
  /** The file's whole text; absent where there was no file. */
  readonly text?: string;
  /** Where the file was a link: what it said. */
  readonly link?: string;
}

/** The change in a few words, for logs. */
export function describeChange(change: HostChange): string {
  switch (change.kind) {
    case 'address':
      return `address ${change.address}/${change.prefixLength} on ${change.device}`;
    case 'route': {
      const by = change.gateway === undefined ? change.device : `${change.gateway} ${change.device ?? ''}`.trim();
      const table = change.table === undefined ? '' : ` in table ${change.table}`;
      return `route to ${change.destination} ${by === undefined ? '(dropped)' : `by ${by}`}${table}`;
    }
    case 'rule':
      return describeRule(change);
    case 'nat':
      return `nf_tables table ip ${change.table}: masquerading of ${change.pools.join(', ')}`;
    case 'sysctl':
      return `${change.name} = ${change.value}`;
    case 'resolver':
      return `resolvers ${change.servers.join(', ')} in ${change.path}`;
    case 'linkResolver':
      return `resolvers ${change.servers.join(', ')} of ${change.device} in systemd-resolved`;
  }
}
