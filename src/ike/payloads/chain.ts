/** The chains inside an SA payload: proposals and transforms, each saying whether another follows. RFC 2408 §3.5 and §3.6, RFC 7296 §3.3. */

import { Malformed, type Reader, type Writer } from '../../wire/index.ts';
import { PayloadType } from './numbers.ts';

/** Reads payloads of one type that fill the reader; each says whether another follows. */
export function readChain<Item>(from: Reader, type: number, most: number, read: (from: Reader) => Item): Item[] {
  const items: Item[] = [];
  const what = type === PayloadType.P ? 'proposal' : 'transform';
  for (let more = true; more; ) {
    if (items.length >= most) throw new Malformed(`too many ${what}s`);
    const next = from.u8();
    if (next !== PayloadType.NONE && next !== type) throw new Malformed(`payload ${next} after a ${what}`);
    from.skip(1);
    const length = from.u16();
    if (length < 4) throw new Malformed(`${what} of length ${length}`);
    items.push(read(from.sub(length - 4, what)));
    more = next !== PayloadType.NONE;
  }
  if (from.left > 0) throw new Malformed(`${from.left} bytes after the last ${what}`);
  return items;
}

export function writeChain<Item>(
  to: Writer,
  type: number,
  items: readonly Item[],
  write: (to: Writer, item: Item) => void,
): void {
  items.forEach((item, i) => {
    to.u8(i === items.length - 1 ? PayloadType.NONE : type).u8(0);
    to.withLength16((inner) => write(inner, item), 4);
  });
}
