/** The rows that both roles are tested with, and what is the same for each. */

import assert from 'node:assert/strict';
import type { Method } from './stock/options.ts';
import type { StockPeer } from './stock/peer.ts';

export interface Row {
  /** E.g. `pap nat`. */
  readonly name: string;
  readonly method: Method;
  readonly path: 'nat' | 'direct';
  /** Which of the two orders the stock end disconnects in. */
  readonly order: 'l2tp' | 'ppp';
}

const METHODS: readonly Method[] = ['pap', 'chap', 'mschapv2'];

/** Each method on each path; the orders take turns so that both occur on both paths. */
export const ROWS: readonly Row[] = METHODS.flatMap((method, at) =>
  (['nat', 'direct'] as const).map((path, turn) => ({
    name: `${method} ${path}`,
    method,
    path,
    order: (at + turn) % 2 === 0 ? ('l2tp' as const) : ('ppp' as const),
  })),
);

/** The stock end's ESP is in UDP through a NAT and native without one. */
export async function assertEncapsulation(peer: StockPeer, path: Row['path']): Promise<void> {
  const description = await peer.describe();
  assert.match(description, path === 'nat' ? /INSTALLED, TRANSPORT-in-UDP/ : /INSTALLED, TRANSPORT,/);
}
