/** The kinds of change that are made on the host, each a plain record that a journal line holds. */

import type { InterfaceAddress, Route } from '../netlink/rtnetlink.ts';

export type HostChange =
  /** An address on a device of ours. */
  | ({ readonly kind: 'address' } & InterfaceAddress)
  | ({ readonly kind: 'route' } & Route)
  /** A table of nf_tables with masquerading for the clients. */
  | {
      readonly kind: 'nat';
      readonly table: string;
      readonly pools: readonly string[];
      readonly device: string;
    }
  /** A kernel parameter, e.g. `net.ipv4.ip_forward`; with `/` for a name that has a dot in it. */
  | { readonly kind: 'sysctl'; readonly name: string; readonly value: string }
  /** The resolvers in a plain /etc/resolv.conf. */
  | { readonly kind: 'resolver'; readonly path: string; readonly servers: readonly string[]; readonly search?: string };

/** What an undo needs to know besides the change itself: how it was before. */
export interface Before {
  /** The sysctl's value. */
  readonly value?: string;
  /** The file's whole text. */
  readonly text?: string;
}

/** The change in a few words, for logs. */
export function describeChange(change: HostChange): string {
  switch (change.kind) {
    case 'address':
      return `address ${change.address}/${change.prefixLength} on ${change.device}`;
    case 'route': {
      const by = change.gateway === undefined ? change.device : `${change.gateway} ${change.device ?? ''}`.trim();
      return `route to ${change.destination} ${by === undefined ? '(dropped)' : `by ${by}`}`;
    }
    case 'nat':
      return `nf_tables table ip ${change.table}: masquerading of ${change.pools.join(', ')}`;
    case 'sysctl':
      return `${change.name} = ${change.value}`;
    case 'resolver':
      return `resolvers ${change.servers.join(', ')} in ${change.path}`;
  }
}
