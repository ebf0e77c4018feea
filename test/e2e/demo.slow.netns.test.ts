/** `npm run demo`, as a user runs it. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { noNamespaces } from '../driver/namespace.ts';

const DEMO = fileURLToPath(new URL('../../scripts/demo.ts', import.meta.url));

test('the demo shows a whole connection and leaves nothing', { skip: noNamespaces() ?? false }, async () => {
  const child = spawn(process.execPath, ['--import', 'tsx', DEMO], { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    text += part;
  });
  const code = await new Promise((resolve) => child.once('close', resolve));
  assert.equal(code, 0, text);
  assert.match(text, /Nothing is left behind/);
  assert.match(text, /20 MB over HTTP in \d+ ms: \d+ Mbit\/s {2}SHA-256 \w+… is right/);
  const shown = [
    ...['IKE main mode', 'MAIN_MODE #1', 'NAT found', 'MAIN_MODE #6', 'IKE quick mode', 'QUICK_MODE #3', 'L2TP tunnel'],
    ...['SCCRQ', 'SCCCN', 'L2TP session', 'ICCN', 'PPP link', 'LCP ConfAck', 'Authentication', 'CHAP Success'],
    ...[
      'Addresses',
      'IPCP ConfAck',
      'Data',
      'first packet to the gateway',
      'Teardown',
      'LCP TermAck',
      'CDN',
      'StopCCN',
    ],
    ...['D(ESP', 'D(ISAKMP)', '✓ closed'],
  ];
  let at = 0;
  for (const word of shown) {
    at = text.indexOf(word, at);
    assert.ok(at >= 0, `${word} is missing, or not in its place:\n${text}`);
  }
});
