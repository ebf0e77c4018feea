/** Every relative link of the documentation leads to a file that is there, and to a heading that it has. */

import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { test } from 'node:test';
import { ROOT } from './sourceCodes.ts';

const pages = [
  'README.md',
  ...readdirSync(join(ROOT, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name)),
]
  .map((page) => join(ROOT, page))
  .filter(existsSync);

for (const page of pages) {
  test(`links of ${relative(ROOT, page)}`, () => {
    const broken = linksOf(page).filter((link) => !leadsSomewhere(page, link));
    assert.deepEqual(broken, []);
  });
}

test('docs/README.md lists every page', () => {
  const index = join(ROOT, 'docs', 'README.md');
  const listed = new Set(linksOf(index).map((link) => resolve(dirname(index), link.split('#')[0]!)));
  const missing = pages.filter((page) => dirname(page) === dirname(index) && page !== index && !listed.has(page));
  assert.deepEqual(
    missing.map((page) => relative(ROOT, page)),
    [],
  );
});

/** The targets of `[text](target)` and `![text](target)` outside of code, but for those with a scheme. */
function linksOf(page: string): string[] {
  const prose = withoutFences(readFileSync(page, 'utf8')).replace(/`[^`\n]*`/g, '');
  const targets = [...prose.matchAll(/\]\(\s*<?([^)>\s]+)>?[^)]*\)/g)].map(([, target]) => target!);
  return targets.filter((target) => !/^[a-z][a-z0-9+.-]*:/i.test(target));
}

function leadsSomewhere(page: string, link: string): boolean {
  const [path, anchor] = link.split('#');
  const file = path === '' ? page : resolve(dirname(page), decodeURIComponent(path!));
  if (!existsSync(file)) return false;
  return anchor === undefined || !file.endsWith('.md') || anchorsOf(file).has(anchor);
}

/** Anchors of headings, as GitHub makes them. */
function anchorsOf(page: string): Set<string> {
  const anchors = new Set<string>();
  for (const [, heading] of withoutFences(readFileSync(page, 'utf8')).matchAll(/^#{1,6} (.+)$/gm)) {
    const anchor = heading!
      .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replace(/\s/g, '-');
    let unique = anchor;
    for (let n = 1; anchors.has(unique); n++) unique = `${anchor}-${n}`;
    anchors.add(unique);
  }
  return anchors;
}

function withoutFences(text: string): string {
  return text.replace(/^ *(```|~~~)[\s\S]*?^ *\1/gm, '');
}
