/** Columns of text for people. */

/** @returns the rows under their headings, columns two spaces apart; cells that are undefined read as `-` */
export function table(headings: readonly string[], rows: readonly (readonly (string | undefined)[])[]): string {
  const cells = [headings, ...rows.map((row) => row.map((cell) => cell ?? '-'))];
  const widths = headings.map((_, column) => Math.max(...cells.map((row) => row[column]!.length)));
  return cells
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** `1.2 MB`: powers of 1000 with two or three digits. */
export function byteCount(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
  let unit = 0;
  let amount = bytes;
  while (amount >= 999.5 && unit < units.length - 1) {
    amount /= 1000;
    unit++;
  }
  return `${unit === 0 || amount >= 99.95 ? Math.round(amount) : amount.toFixed(1)} ${units[unit]}`;
}

/** `20 Mbit/s`, of bits a second. */
export function rateText(rate: number | undefined): string | undefined {
  if (rate === undefined) return undefined;
  const [unit, name] = (
    [
      [1e9, 'G'],
      [1e6, 'M'],
      [1e3, 'k'],
    ] as const
  ).find(([bits]) => rate >= bits) ?? [1, ''];
  return `${Number((rate / unit).toPrecision(3))} ${name}bit/s`;
}

/** `2026-03-01 07:30:05`, of an ISO 8601 time, in the local time zone. */
export function localTime(iso: string): string {
  const time = new Date(iso);
  const two = (n: number) => String(n).padStart(2, '0');
  const date = `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}`;
  return `${date} ${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`;
}
