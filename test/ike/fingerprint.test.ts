import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fingerprint, offeredTexts } from '../../src/ike/index.ts';
import { vendorIdText } from '../../src/ike/vendorIds.ts';
import { fromHex } from '../../src/wire/index.ts';
import { android, apple, chromeOs, clients, networkManager, windows } from './fixtures/index.ts';

const byOffers = (client: (typeof clients)[number]) => fingerprint({ offers: offeredTexts(client.phase1) })?.client;

test('real clients are known by the lists that they offer, each as itself alone', () => {
  assert.deepEqual([windows, apple, android, chromeOs, networkManager].map(byOffers), [
    'Windows',
    'macOS or iOS',
    'Android',
    'ChromeOS',
    'Linux, NetworkManager',
  ]);
});

test('vendor ids say more: which Windows, and who is behind a list that anybody may offer', () => {
  const offers = offeredTexts(windows.phase1);
  const known = (hex: string) => fingerprint({ offers, vendorIds: [vendorIdText(fromHex(hex))] })?.client;
  assert.equal(known('1e2b516905991c7d7c96fcbfb587e46100000007'), 'Windows 7');
  assert.equal(known('1e2b516905991c7d7c96fcbfb587e46100000008'), 'Windows 7 or Server 2008 R2');
  assert.equal(known('1e2b516905991c7d7c96fcbfb587e46100000009'), 'Windows 8, 10 or 11');
  const alone = (hex: string) => fingerprint({ vendorIds: [vendorIdText(fromHex(hex))] })?.client;
  assert.equal(alone('882fe56d6fd20dbc2251613b2ebe5beb'), 'strongSwan');
  assert.equal(alone('4f4568794c64414365636661'), 'libreswan');
  assert.equal(alone('4df37928e9fc4fd1b3262170d515c662'), 'macOS or iOS');
  assert.equal(alone('12f5f28c457168a9702d9fe274cc0100'), 'Cisco');
  assert.equal(alone('53616c6c79706f7274'), 'Sallyport');
  assert.equal(alone('53616c6c79706f7274322e30'), undefined);
});

test('names that L2TP gives tell those whose IKE says nothing', () => {
  assert.equal(fingerprint({ l2tpVendor: 'Sallyport' })?.client, 'Sallyport');
  assert.equal(fingerprint({ hostName: 'MikroTik' })?.client, 'MikroTik');
  assert.equal(fingerprint({ l2tpVendor: 'xelerance.com' })?.client, 'Linux, xl2tpd');
  assert.equal(fingerprint({ l2tpVendor: 'Cisco Systems, Inc.' })?.client, 'Cisco');
});

test('strangers stay strangers, and only those get a quirk that need it', () => {
  assert.equal(fingerprint({}), undefined);
  assert.equal(fingerprint({ vendorIds: ['abcdef'], offers: ['aes-cbc-256/hmac-sha2-256/modp4096'] }), undefined);
  assert.equal(fingerprint({ offers: ['3des-cbc/hmac-sha1/modp1024'] }), undefined, 'one old proposal is no Android');
  const quirks = clients.map(({ phase1 }) => fingerprint({ offers: offeredTexts(phase1) })?.quirks);
  assert.deepEqual(quirks, [[], [], ['sha2-96'], [], []]);
});
