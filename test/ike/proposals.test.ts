/** Proposals: config words, what an initiator sends, and what it takes for an answer. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  type Attribute,
  buildEspProposals,
  buildIkeProposals,
  chooseEsp,
  chooseIke,
  espPolicy,
  espSuiteText,
  ikePolicy,
  ikeProposalText,
  numberAttribute,
  offeredTexts,
  ProposalSyntaxError,
  parseEspProposal,
  parseIkeProposal,
  profileNames,
  profiles,
  readEspAnswer,
  readIkeAnswer,
  type SaPayload,
} from '../../src/ike/index.ts';

describe('config words', () => {
  // biome-ignore format: a table
  const ike = [
    ['aes256-sha256-modp2048', 'aes-cbc-256/hmac-sha2-256/modp2048'],
    ['aes128-sha1-ecp256',     'aes-cbc-128/hmac-sha1/ecp256'],
    ['3des-md5-modp1024',      '3des-cbc/hmac-md5/modp1024'],
    [' AES192-SHA2_384-ecp521', 'aes-cbc-192/hmac-sha2-384/ecp521'],
  ] as const;
  // biome-ignore format: a table
  const esp = [
    ['aes128gcm16',            'aes-gcm-16-128'],
    ['aes256gcm-ecp384',       'aes-gcm-16-256/ecp384'],
    ['aes256-sha1',            'aes-cbc-256/hmac-sha1-96'],
    ['3des-md5-modp1024',      '3des-cbc/hmac-md5-96/modp1024'],
    ['aes-sha512',             'aes-cbc-128/hmac-sha2-512-256'],
  ] as const;
  test('are read', () => {
    for (const [word, text] of ike) assert.equal(ikeProposalText(parseIkeProposal(word)), text);
    for (const [word, text] of esp) {
      const { suite, pfs } = parseEspProposal(word);
      assert.equal(espSuiteText(suite, pfs), text);
    }
  });

  // biome-ignore format: a table
  const wrong = [
    ['aes265-sha256-modp2048', /'aes265' is no algorithm \(did you mean 'aes256'\?\)/],
    ['aes256-sh1-modp2048',    /'sh1' is no algorithm \(did you mean 'sha1?'\?\)/],
    ['aes256-sha256-modp2084', /did you mean 'modp2048'/],
    ['aes256-sha256-group14',  /'group14' is no algorithm/],
    ['aes256-sha256',          /names no Diffie-Hellman group \(did you mean 'aes256-sha256-modp2048'\?\)/],
    ['aes256-modp2048',        /names no hash \(did you mean 'aes256-sha256-modp2048'\?\)/],
    ['sha256-modp2048',        /names no encryption algorithm/],
    ['aes256-aes128-modp2048', /'aes128' is a second encryption algorithm/],
    ['aes256gcm16-sha256-modp2048', /only ESP can \(did you mean 'aes256'\?\)/],
    ['',                       /'' is no algorithm/],
    ['constructor-sha1-modp2048', /'constructor' is no algorithm/],
  ] as const;
  for (const [word, message] of wrong) {
    test(`'${word}' is refused`, () => {
      assert.throws(
        () => parseIkeProposal(word),
        (error) => error instanceof ProposalSyntaxError && message.test(error.message),
      );
    });
  }
  test('of ESP with GCM take no integrity, others need it', () => {
    assert.throws(() => parseEspProposal('aes256gcm16-sha256'), /takes no integrity/);
    assert.throws(() => parseEspProposal('aes256'), /did you mean 'aes256-sha256'/);
  });
});

describe('an initiator', () => {
  const context = { udpEncapsulation: true };

  test('sends exactly the transforms that its policy names, in order', () => {
    const policy = ikePolicy(['aes256-sha1-modp2048', '3des-sha1-modp1024']);
    const offer = buildIkeProposals(policy);
    assert.deepEqual(offeredTexts(offer), ['aes-cbc-256/hmac-sha1/modp2048', '3des-cbc/hmac-sha1/modp1024']);
    const esp = buildEspProposals(espPolicy(['aes128gcm16', 'aes256-sha1', '3des-md5']), 4, 0x11223344);
    assert.deepEqual(offeredTexts(esp), ['aes-gcm-16-128', 'aes-cbc-256/hmac-sha1-96', '3des-cbc/hmac-md5-96']);
    assert.equal(esp.proposals.length, 1);
  });

  test('offers the PFS group in every transform', () => {
    const policy = espPolicy(['aes256-sha256-modp2048', 'aes128-sha256-modp2048']);
    assert.deepEqual(offeredTexts(buildEspProposals(policy, 2, 1000)), [
      'aes-cbc-256/hmac-sha2-256-128/modp2048',
      'aes-cbc-128/hmac-sha2-256-128/modp2048',
    ]);
  });

  for (const name of profileNames) {
    test(`finds its ${name} offer accepted by the same profile, and reads the answer`, () => {
      const { offer, accept } = profiles[name];
      for (const proposal of offer.ike.proposals) {
        const chosen = chooseIke(buildIkeProposals({ ...offer.ike, proposals: [proposal] }), accept.ike);
        assert.ok(chosen.type === 'chosen');
        const read = readIkeAnswer(chosen.answer, offer.ike);
        assert.ok(read.type === 'chosen');
        assert.deepEqual(read.proposal, proposal);
      }
      for (const suite of offer.esp.suites) {
        const chosen = chooseEsp(
          buildEspProposals({ ...offer.esp, suites: [suite] }, 4, 0xfedcba98),
          accept.esp,
          context,
        );
        assert.ok(chosen.type === 'chosen');
        assert.equal(chosen.peerSpi, 0xfedcba98);
        const read = readEspAnswer(chosen.answer(0x01020304), offer.esp, context);
        assert.ok(read.type === 'chosen');
        assert.deepEqual(read.suite, suite);
        assert.equal(read.peerSpi, 0x01020304);
      }
    });
  }

  test('refuses an answer of two transforms, and one that it did not offer', () => {
    const policy = ikePolicy(['aes256-sha256-modp2048', 'aes128-sha256-modp2048']);
    assert.equal(readIkeAnswer(buildIkeProposals(policy), policy).type, 'mismatch');
    assert.equal(readIkeAnswer(buildIkeProposals(ikePolicy(['3des-md5-modp1024'])), policy).type, 'mismatch');
    const esp = espPolicy(['aes256-sha256-modp2048', 'aes256-sha256']);
    const noPfs = buildEspProposals(espPolicy(['aes256-sha256']), 4, 1000);
    assert.equal(readEspAnswer(noPfs, esp, context).type, 'mismatch', 'PFS that was offered must be answered');
    assert.equal(readEspAnswer(noPfs, espPolicy(['aes256-sha256']), context).type, 'chosen');
    assert.equal(readEspAnswer(noPfs, espPolicy(['aes256-sha256']), { udpEncapsulation: false }).type, 'mismatch');
  });
});

describe('a responder', () => {
  const policy = ikePolicy(['aes256-sha256-modp2048', 'aes128-sha256-modp2048']);
  const offer = (words: readonly string[]) => buildIkeProposals(ikePolicy(words));
  const withAttributes = (
    sa: SaPayload,
    change: (attributes: readonly Attribute[]) => readonly Attribute[],
  ): SaPayload => ({
    ...sa,
    proposals: sa.proposals.map((proposal) => ({
      ...proposal,
      transforms: proposal.transforms.map((t) => ({ ...t, attributes: change(t.attributes) })),
    })),
  });

  test('follows its own order, not the order of the offer', () => {
    const chosen = chooseIke(offer(['aes128-sha256-modp2048', 'aes256-sha256-modp2048']), policy);
    assert.ok(chosen.type === 'chosen');
    assert.equal(chosen.text, 'aes-cbc-256/hmac-sha2-256/modp2048');
    assert.equal(chosen.answer.proposals[0]?.transforms[0]?.number, 2);
  });

  test('takes AES without a key length for AES-128', () => {
    const sa = withAttributes(offer(['aes128-sha256-modp2048']), (list) => list.filter(({ type }) => type !== 14));
    const chosen = chooseIke(sa, policy);
    assert.equal(chosen.type === 'chosen' && chosen.text, 'aes-cbc-128/hmac-sha2-256/modp2048');
  });

  test('passes over transforms with unknown or contradicting attributes and another authentication', () => {
    const one = offer(['aes256-sha256-modp2048']);
    const prf = withAttributes(one, (list) => [...list, { type: 13, value: 1 }]);
    const twice = withAttributes(one, (list) => [...list, { type: 4, value: 2 }]);
    const rsa = withAttributes(one, (list) => list.map((a) => (a.type === 3 ? { type: 3, value: 3 } : a)));
    const oddKey = withAttributes(one, (list) => list.map((a) => (a.type === 14 ? { type: 14, value: 64 } : a)));
    for (const sa of [prf, twice, rsa, oddKey]) assert.equal(chooseIke(sa, policy).type, 'mismatch');
    assert.deepEqual(offeredTexts(rsa), ['aes-cbc-256/hmac-sha2-256/modp2048/rsa-signatures']);
    assert.equal(chooseIke({ ...one, doi: 0 }, policy).type, 'mismatch');
  });

  test('takes a group type that goes with the group', () => {
    for (const value of [1, 2]) {
      const sa = withAttributes(offer(['aes256-sha256-modp2048']), (list) => [...list, { type: 5, value }]);
      assert.equal(chooseIke(sa, policy).type, 'chosen');
    }
    const ec2n = withAttributes(offer(['aes256-sha256-modp2048']), (list) => [...list, { type: 5, value: 3 }]);
    assert.equal(chooseIke(ec2n, policy).type, 'mismatch');
  });

  test('takes the same attribute twice, and the smaller of two lifetimes', () => {
    const sa = withAttributes(offer(['aes256-sha256-modp2048']), (list) => [
      ...list,
      { type: 4, value: 14 },
      { type: 11, value: 1 },
      numberAttribute(12, 900),
    ]);
    const chosen = chooseIke(sa, policy);
    assert.equal(chosen.type === 'chosen' && chosen.lifetimeSeconds, 900);
  });

  test('never refuses for a lifetime: zero, absent and eight bytes long', () => {
    const lifetime = (...attributes: Attribute[]) =>
      withAttributes(offer(['aes256-sha256-modp2048']), (list) => [
        ...list.filter(({ type }) => type < 11 || type > 12),
        ...attributes,
      ]);
    for (const sa of [
      lifetime(),
      lifetime({ type: 11, value: 1 }, { type: 12, value: 0 }),
      lifetime({ type: 11, value: 1 }, { type: 12, bytes: new Uint8Array(8).fill(1) }),
      lifetime({ type: 12, value: 60 }),
      lifetime({ type: 11, value: 77 }, { type: 12, value: 60 }),
    ]) {
      const chosen = chooseIke(sa, policy);
      assert.equal(chosen.type === 'chosen' && chosen.lifetimeSeconds, 28_800);
    }
  });

  test('passes over AH with ESP, wrong SPIs, and unknown PFS groups', () => {
    const esp = espPolicy(['aes256-sha1']);
    const sa = buildEspProposals(esp, 2, 1000);
    const context = { udpEncapsulation: false };
    const [proposal] = sa.proposals;
    assert.equal(chooseEsp(sa, esp, context).type, 'chosen');
    const bundle = { ...sa, proposals: [proposal!, { ...proposal!, protocol: 2 }] };
    assert.equal(chooseEsp(bundle, esp, context).type, 'mismatch');
    assert.equal(chooseEsp(buildEspProposals(esp, 2, 255), esp, context).type, 'mismatch');
    const shortSpi = { ...sa, proposals: [{ ...proposal!, spi: new Uint8Array(2) }] };
    assert.equal(chooseEsp(shortSpi, esp, context).type, 'mismatch');
    const strange = withAttributes(sa, (list) => [...list, { type: 3, value: 99 }]);
    assert.equal(chooseEsp(strange, esp, context).type, 'mismatch');
    assert.deepEqual(offeredTexts(strange), ['aes-cbc-256/hmac-sha1-96/0x63']);
  });

  test('assumes transport where no mode was sent', () => {
    const esp = espPolicy(['aes256-sha1']);
    const sa = withAttributes(buildEspProposals(esp, 2, 1000), (list) => list.filter(({ type }) => type !== 4));
    const chosen = chooseEsp(sa, esp, { udpEncapsulation: true });
    assert.ok(chosen.type === 'chosen');
    assert.deepEqual([chosen.mode, chosen.udpEncapsulation], ['transport', true]);
  });
});
