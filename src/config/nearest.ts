/** The valid word that somebody most likely meant. */

/** Further apart than this and a suggestion would only confuse. */
const MOST_EDITS = 3;

export function nearest(word: string, valid: Iterable<string>): string | undefined {
  let best: string | undefined;
  let fewest = MOST_EDITS + 1;
  for (const candidate of valid) {
    const edits = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (edits < fewest && edits < candidate.length) {
      best = candidate;
      fewest = edits;
    }
  }
  return best;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(next[j - 1]! + 1, row[j]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length]!;
}
