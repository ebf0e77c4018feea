/** Tables of wire numbers. Unknown numbers survive and print as hexadecimal. */

/** The name of `value` in `table`, or its number as `0x2a`. */
export function nameOf(table: Readonly<Record<string, number>>, value: number): string {
  for (const name in table) if (table[name] === value) return name;
  return `0x${value.toString(16)}`;
}
