/** Several connections of one strongSwan, so that one start of both ends proves many rows. */

import { STOCK_INNER } from './connections.ts';
import type { StrongSwanOptions, SwanctlFiles } from './strongSwan.ts';

export interface StockConnection {
  /** Of the connection and of its only child. */
  readonly name: string;
  /** The sections `local` and `remote`, and what else there is. */
  readonly lines: string;
  readonly ike: string;
  /** Each a name and its lines. Default: one of the connection's name. */
  readonly children?: Readonly<Record<string, string>>;
  readonly esp: string;
  /** Of the only child. */
  readonly selectors?: string;
}

export interface Around {
  /** Sections of `secrets`. */
  readonly secrets?: string;
  /** Further lines of the pool of IPv4. */
  readonly pool?: string;
  readonly files?: SwanctlFiles;
  readonly settings?: string;
}

/** The pools that a server's connections name by `pools = v4, v6`. */
const poolsOf = (more: string) => `pools {
  v4 { addrs = 10.73.0.10-10.73.0.99\n dns = ${STOCK_INNER.v4}\n ${more} }
  v6 { addrs = fd73::10-fd73::99 }
}`;

export function several(connections: readonly StockConnection[], around: Around = {}): StrongSwanOptions {
  const { secrets = '', pool = '', files = {}, settings = '' } = around;
  const swanctl = `connections {
${connections.map(connectionText).join('\n')}
}
secrets { ${secrets} }
${poolsOf(pool)}
`;
  return { swanctl, files, settings };
}

function connectionText({ name, lines, ike, esp, selectors = '', children = { [name]: selectors } }: StockConnection) {
  const texts = Object.entries(children).map(
    ([child, text]) => `${child} {\n ${text}\n esp_proposals = ${esp}\n rekey_time = 0s }`,
  );
  return `${name} {
  version = 2
  encap = yes
  unique = never
  proposals = ${ike}
  rekey_time = 0s
  ${lines}
  children {\n${texts.join('\n')} }
}`;
}
