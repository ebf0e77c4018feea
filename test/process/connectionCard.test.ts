import assert from 'node:assert/strict';
import test from 'node:test';
import { connectionCard } from '../../src/process/connectionCard.ts';

const FACTS = { addresses: ['192.0.2.1', '2001:db8::1'], psk: 'abcde-fghjk', user: 'vpn', password: 'pass-word' };

test('the card says all that a user must enter, for every kind of device', () => {
  const card = connectionCard(FACTS);
  for (const text of ['192.0.2.1', 'also 2001:db8::1', 'abcde-fghjk', 'vpn', 'pass-word']) {
    assert.ok(card.includes(text), text);
  }
  for (const device of ['Windows', 'macOS', 'iOS', 'Android', 'Linux']) assert.ok(card.includes(device), device);
  assert.ok(card.includes('sallyport connect 192.0.2.1 --user vpn --psk-file'));
});

test('a host without an address has none in the commands either', () => {
  const card = connectionCard({ ...FACTS, addresses: [] });
  assert.match(card, /Server {2,}this host, which has no address yet/);
  assert.match(card, /sallyport connect SERVER --user vpn/);
});

test('it is a rectangle that fits a terminal', () => {
  const long = {
    ...FACTS,
    addresses: ['2001:db8:1111:2222:3333:4444:5555:6666', '2001:db8:1111:2222:3333:4444:5555:7777'],
  };
  for (const facts of [FACTS, { ...FACTS, addresses: [] }, long]) {
    const lines = connectionCard(facts).split('\n');
    assert.equal(new Set(lines.map((line) => line.length)).size, 1, 'every line is as wide as the others');
    assert.ok(lines[0]!.length <= 110, `${lines[0]!.length} columns`);
  }
});

test('a password that the administrator chose is not shown', () => {
  assert.match(connectionCard({ ...FACTS, password: undefined }), /Password {2,}as you have set it/);
});

test('where certificates alone count it speaks of them, and of no key', () => {
  for (const issuesCertificates of [true, false]) {
    const card = connectionCard({ ...FACTS, psk: undefined, issuesCertificates });
    assert.doesNotMatch(card, /Pre-shared key|--psk-file|as configured/);
    assert.match(card, /L2TP\/IPsec AND A CERTIFICATE/);
    assert.match(card, /--certificate vpn\.p12/);
    assert.equal(card.includes('sallyport ca issue vpn'), issuesCertificates);
    const lines = card.split('\n');
    assert.equal(new Set(lines.map((line) => line.length)).size, 1);
    assert.ok(lines[0]!.length <= 110, `${lines[0]!.length} columns`);
  }
});

test('without a public address it still reads', () => {
  assert.match(connectionCard({ ...FACTS, addresses: [] }), /Server {2,}this host/);
});

test('where users may log in with IKEv2 it says how, and whom the gateway is known by', () => {
  const ikeV2 = { name: 'vpn.example.org', authority: '/var/lib/sallyport/ca/ca.crt' };
  const card = connectionCard({ ...FACTS, ikeV2 });
  for (const text of ['OR WITH IKEv2', 'vpn.example.org', ikeV2.authority, '--server-identity vpn.example.org']) {
    assert.ok(card.includes(text), text);
  }
  const lines = card.split('\n');
  assert.equal(new Set(lines.map((line) => line.length)).size, 1);
  assert.ok(lines[0]!.length <= 110, `${lines[0]!.length} columns`);
});
