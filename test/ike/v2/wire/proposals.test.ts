/** Proposals: config words, what real peers offer against the profiles, hybrid key exchanges, mismatches. */

import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { mismatchText } from '../../../../src/ike/choose.ts';
import { ProposalSyntaxError } from '../../../../src/ike/proposalText.ts';
import {
  childAlternativesText,
  childSaPolicy,
  chooseChild,
  chooseIkeV2,
  firstChildGroup,
  firstIkeGroup,
  groupNumber,
  groupOf,
  groupsOf,
  ikeV2AlternativesText,
  ikeV2Policy,
  ikeV2Profiles,
  invalidKeData,
  KeId,
  offerChild,
  offeredV2Texts,
  offerIkeV2,
  ProtocolId,
  parseChildProposal,
  parseIkeV2Proposal,
  readChildAnswer,
  readIkeV2Answer,
  readInvalidKe,
  type SaPayload,
  type Transform,
  withChildGroupFirst,
  withGroupFirst,
} from '../../../../src/ike/v2/index.ts';
import { fromHex } from '../../../../src/wire/index.ts';
import { childPeers, ikePeers } from './peers.ts';

const names = ['strict', 'compatible', 'legacy'] as const;
const espSpi = fromHex('c0ffee01');
const offers = (...words: readonly string[]) => offerIkeV2(ikeV2Policy(words));

for (const { name, ike, keGroup, picks } of ikePeers) {
  for (const profile of names) {
    test(`IKE: ${profile} picks ${picks[profile]} from ${name}`, () => {
      const offered = offers(...ike);
      const chosen = chooseIkeV2(offered, ikeV2Profiles[profile].accept.ike, { additional: true, keGroup });
      if (chosen.type === 'mismatch') {
        assert.equal(picks[profile], 'nothing');
        assert.equal(chosen.profile, 'legacy');
        return;
      }
      assert.equal(chosen.text, picks[profile]);
      // The answer is one proposal of the offer with one transform of each type, and the peer finds it so.
      const read = readIkeV2Answer(chosen.answer(), ikeV2Policy(ike));
      assert.ok(read.type === 'chosen');
      assert.deepEqual(read.proposal, chosen.proposal);
    });
  }
}

for (const { name, esp, picks } of childPeers) {
  test(`child: compatible picks ${picks} from ${name}, in IKE_AUTH without key exchange`, () => {
    const offered = offerChild(childSaPolicy(esp), espSpi, { initial: false });
    const chosen = chooseChild(offered, ikeV2Profiles.compatible.accept.esp, { initial: true });
    assert.ok(chosen.type === 'chosen', JSON.stringify(chosen));
    assert.equal(chosen.text, picks);
    assert.deepEqual(chosen.peerSpi, espSpi);
    const [answer] = chosen.answer(fromHex('00000777')).proposals;
    assert.ok(answer!.transforms.every(({ type }) => type !== 4));
  });
}

test('rekeying: with the method of the KE payload, without one, and with a peer of either habit', () => {
  const { accept, offer } = ikeV2Profiles.compatible;
  const choose = (words: readonly string[], keGroup?: number) => {
    const offered = offerChild(childSaPolicy(words), espSpi, { initial: false });
    return chooseChild(offered, accept.esp, { initial: false, ...(keGroup !== undefined && { keGroup }) });
  };
  const text = (chosen: ReturnType<typeof chooseChild>) => (chosen.type === 'chosen' ? chosen.text : 'nothing');
  // Without PFS, as Windows and macOS do it.
  assert.equal(text(choose(['aes256-sha256'])), 'aes-cbc-256/hmac-sha2-256-128');
  // With PFS and no none.
  assert.equal(text(choose(['aes256-sha256-modp2048'], KeId.MODP2048)), 'aes-cbc-256/hmac-sha2-256-128/modp2048');
  // Several methods: that of the KE payload, though another one is preferred.
  assert.equal(text(choose(['aes256gcm16-ecp256-x25519'], KeId.ECP256)), 'aes-gcm-16-256/ecp256');
  // A KE payload of a method that is not ours: INVALID_KE_PAYLOAD with the best one.
  const wrong = choose(['aes256gcm16-modp2048-x25519'], 24);
  assert.ok(wrong.type === 'chosen');
  assert.deepEqual(invalidKeData(wrong.proposal.group!), fromHex('001f'));
  // What we offer is taken by ends that have PFS and by ends that have not.
  for (const [theirs, taken] of [
    ['aes256gcm16', 'aes-gcm-16-256'],
    ['aes256gcm16-ecp384', 'aes-gcm-16-256/ecp384'],
    ['aes128-sha1-none', 'aes-cbc-128/hmac-sha1-96'],
  ] as const) {
    const offered = offerChild(offer.esp, espSpi, { initial: false });
    const chosen = chooseChild(offered, childSaPolicy([theirs]), { initial: false, keGroup: KeId.CURVE25519 });
    assert.equal(text(chosen), taken);
    assert.ok(chosen.type === 'chosen');
    assert.equal(text(readChildAnswer(chosen.answer(espSpi), offer.esp, { initial: false })), taken);
  }
});

test('hybrid key exchange: chosen where both have it, never without IKE_INTERMEDIATE, never the same method twice', () => {
  const { ike } = ikeV2Profiles.strict.accept;
  const hybrid = offers('aes256gcm16-prfsha384-x25519-ke1_mlkem768-ke2_none-ke2_ecp384-ke2_x25519');
  const chosen = chooseIkeV2(hybrid, ikeV2Policy(['aes256gcm16-prfsha384-x25519-ke1_mlkem768-ke2_x25519-ke2_ecp384']), {
    additional: true,
  });
  assert.ok(chosen.type === 'chosen');
  assert.deepEqual(chosen.proposal.additional, ['mlkem768', 'ecp384']);
  assert.equal(chosen.text, 'aes-gcm-16-256/prf-sha384/curve25519/ke1-mlkem768/ke2-ecp384');
  const without = chooseIkeV2(offers('aes256gcm16-prfsha384-x25519-ke1_mlkem768'), ike, { additional: false });
  assert.equal(without.type, 'mismatch');
  const optional = offers('aes256gcm16-prfsha384-x25519-ke1_mlkem768-ke1_none');
  const skipped = chooseIkeV2(optional, ike, { additional: false });
  assert.ok(skipped.type === 'chosen' && skipped.proposal.additional.length === 0);
  // Our own offer, hybrid first and then without, to an end that knows nothing of it.
  const old = ikeV2Policy(['aes256gcm16-prfsha384-x25519']);
  const answered = chooseIkeV2(offerIkeV2(ikeV2Profiles.strict.offer.ike), old, { additional: false });
  assert.ok(answered.type === 'chosen');
  assert.equal(answered.answer().proposals[0]!.number, 2);
  // One that drops what it does not know from the first proposal is understood too.
  const [first] = answered.answer().proposals;
  const lenient: SaPayload = { kind: 'SA', proposals: [{ ...first!, number: 1 }] };
  const read = readIkeV2Answer(lenient, ikeV2Profiles.strict.offer.ike);
  assert.ok(read.type === 'chosen' && read.proposal.additional.length === 0);
});

test('a mismatch names what was offered, what would have been taken, and the profile that takes it', () => {
  const offered = offers('3des-sha1-modp1024', 'aes128-sha1-modp1024');
  const mismatch = chooseIkeV2(offered, ikeV2Profiles.strict.accept.ike, { additional: true });
  assert.ok(mismatch.type === 'mismatch');
  assert.deepEqual(mismatch.offered, [
    '3des-cbc/prf-sha1/hmac-sha1-96/modp1024',
    'aes-cbc-128/prf-sha1/hmac-sha1-96/modp1024',
  ]);
  assert.match(mismatchText(mismatch), /profile 'legacy' would accept one of them$/);
});

test('what a proposal may not be: unknown types and attributes, a missing key length, AEAD with integrity', () => {
  const { ike } = ikeV2Profiles.legacy.accept;
  const [good] = offers('aes256-sha256-x25519').proposals;
  const choose = (transforms: readonly Transform[]) =>
    chooseIkeV2({ kind: 'SA', proposals: [{ ...good!, transforms }] }, ike, { additional: true }).type;
  const [encryption, ...others] = good!.transforms;
  assert.equal(choose(good!.transforms), 'chosen');
  assert.equal(choose([...good!.transforms, { type: 99, id: 1, attributes: [] }]), 'mismatch');
  assert.equal(choose([{ ...encryption!, attributes: [] }, ...others]), 'mismatch');
  const odd = { ...encryption!, attributes: [...encryption!.attributes, { type: 77, value: 1 }] };
  assert.equal(choose([odd, ...others]), 'mismatch');
  assert.equal(choose([odd, ...good!.transforms]), 'chosen', 'only that transform is passed over');
  for (const missing of good!.transforms) {
    assert.equal(choose(good!.transforms.filter((each) => each !== missing)), 'mismatch');
  }
  const gcm = { type: 1, id: 20, attributes: [{ type: 14, value: 256 }] };
  assert.equal(choose([gcm, ...others]), 'mismatch');
  const integrityNone = others.map((each) => (each.type === 3 ? { ...each, id: 0 } : each));
  assert.equal(choose([gcm, ...integrityNone]), 'chosen');
  // A child SA's SPI is 4 bytes and not reserved.
  const child = offerChild(childSaPolicy(['aes256gcm16']), fromHex('000000ff'), { initial: true });
  assert.equal(chooseChild(child, ikeV2Profiles.legacy.accept.esp, { initial: true }).type, 'mismatch');
});

test('an answer that is not one of the offers is refused', () => {
  const policy = ikeV2Policy(['aes256-sha256-x25519-ecp256']);
  const offered = offerIkeV2(policy);
  assert.equal(readIkeV2Answer(offered, policy).type, 'mismatch', 'two methods');
  assert.equal(readIkeV2Answer(offers('aes128-sha256-x25519'), policy).type, 'mismatch');
  assert.equal(readIkeV2Answer({ kind: 'SA', proposals: [] }, policy).type, 'mismatch');
  const spi = fromHex('0102030405060708');
  const rekey = offerIkeV2(ikeV2Policy(['aes256-sha256-x25519']), spi);
  const chosen = chooseIkeV2(rekey, policy, { additional: true, rekey: true });
  assert.ok(chosen.type === 'chosen');
  assert.deepEqual(chosen.peerSpi, spi);
  assert.equal(chooseIkeV2(rekey, policy, { additional: true }).type, 'mismatch', 'a first SA has no SPI');
});

test('the first key exchange, INVALID_KE_PAYLOAD and what follows it', () => {
  const { ike, esp } = ikeV2Profiles.compatible.offer;
  assert.equal(firstIkeGroup(ike), 'curve25519');
  assert.equal(firstChildGroup(esp), 'curve25519');
  assert.equal(firstChildGroup(childSaPolicy(['aes128-sha1'])), undefined);
  assert.equal(readInvalidKe(invalidKeData('ecp384'), groupsOf(ike)), 'ecp384');
  assert.equal(
    readInvalidKe(invalidKeData('modp1024'), groupsOf(ike)),
    undefined,
    'no downgrade to what we do not have',
  );
  assert.equal(readInvalidKe(fromHex('13'), groupsOf(ike)), undefined);
  assert.equal(firstIkeGroup(withGroupFirst(ike, 'ecp384')), 'ecp384');
  assert.equal(firstChildGroup(withChildGroupFirst(esp, 'modp2048')), 'modp2048');
  assert.equal(groupOf(groupNumber('mlkem768')), 'mlkem768');
  // A weak method in the KE payload is not taken for the sake of a saved round.
  const windows = offers('aes256-sha256-modp1024-modp2048');
  const chosen = chooseIkeV2(windows, ikeV2Profiles.legacy.accept.ike, { additional: true, keGroup: KeId.MODP1024 });
  assert.ok(chosen.type === 'chosen' && chosen.proposal.group === 'modp2048');
});

test('config words', () => {
  const ike = (text: string) => ikeV2AlternativesText(parseIkeV2Proposal(text));
  const esp = (text: string) => childAlternativesText(parseChildProposal(text));
  assert.equal(ike('aes256gcm16-prfsha384-x25519-ke1_mlkem768'), 'aes-gcm-16-256/prf-sha384/curve25519/ke1-mlkem768');
  assert.equal(ike('aes256-sha256-modp2048'), 'aes-cbc-256/hmac-sha2-256-128/prf-sha256/modp2048');
  assert.equal(
    ike('AES256-aes128-sha1-sha256-prfsha512-ecp256'),
    'aes-cbc-256|aes-cbc-128/hmac-sha1-96|hmac-sha2-256-128/prf-sha512/ecp256',
  );
  assert.equal(esp('aes256gcm16-none/x25519'), 'aes-gcm-16-256/none|curve25519');
  assert.equal(esp('chacha20poly1305'), 'chacha20-poly1305/none');
  assert.equal(esp('aes128-sha256-esn-noesn'), 'aes-cbc-128/hmac-sha2-256-128/none/esn|no-esn');
  for (const [text, problem] of [
    ['aes256gcm16-x25519', /no PRF/],
    ['aes256gcm16-sha256-x25519', /no integrity algorithm beside/],
    ['aes256gcm16-aes128-sha256-x25519', /cannot stand in one proposal/],
    ['aes256-sha256', /no key exchange method/],
    ['aes256-sha256-none', /no key exchange method/],
    ['aes256-sha256-x25519-none', /for child SAs alone/],
    ['aes256-md5-x25519', /MD5/],
    ['aes256-sha256-x25591', /did you mean 'x25519'/],
    ['aes256-sha256-x25519-ke2_mlkem768', /names no ke1_/],
  ] as const) {
    assert.throws(
      () => parseIkeV2Proposal(text),
      (error) => error instanceof ProposalSyntaxError && problem.test(error.message),
      text,
    );
  }
  assert.throws(() => parseChildProposal('aes256gcm16-prfsha256'), /a PRF is for IKE SAs alone/);
});

test('profiles are nested, and child SAs go with and without a key exchange in each', () => {
  for (const [strict, lax] of [
    ['strict', 'compatible'],
    ['compatible', 'legacy'],
  ] as const) {
    const offered = offerIkeV2(ikeV2Profiles[strict].offer.ike);
    const a = chooseIkeV2(offered, ikeV2Profiles[strict].accept.ike, { additional: true });
    const b = chooseIkeV2(offered, ikeV2Profiles[lax].accept.ike, { additional: true });
    assert.ok(a.type === 'chosen' && b.type === 'chosen' && a.text === b.text);
  }
  for (const name of names) {
    for (const { groups } of [
      ...ikeV2Profiles[name].accept.esp.proposals,
      ...ikeV2Profiles[name].offer.esp.proposals,
    ]) {
      assert.ok(groups.includes('none') && groups.includes('curve25519') && groups.includes('modp2048'));
    }
    const weak = ikeV2Profiles[name].accept.ike.proposals.map(ikeV2AlternativesText).join(' ');
    assert.equal(/3des|modp1024|modp1536/.test(weak), name === 'legacy');
    assert.equal(/sha1/.test(weak), name !== 'strict');
    assert.ok(!/md5/.test(weak));
  }
});

test('whatever a peer offers, choosing ends, and the answer is part of the offer', () => {
  const transform = fc.record({
    type: fc.integer({ min: 1, max: 14 }),
    id: fc.constantFrom(0, 1, 2, 3, 5, 12, 14, 19, 20, 28, 31, 36),
    attributes: fc.array(fc.record({ type: fc.constantFrom(14, 15), value: fc.constantFrom(128, 256, 7) }), {
      maxLength: 1,
    }),
  });
  const proposals = fc.array(
    fc.record({
      number: fc.nat(3),
      protocol: fc.constantFrom(ProtocolId.IKE, ProtocolId.ESP),
      spi: fc.constantFrom(new Uint8Array(0), espSpi),
      transforms: fc.array(transform, { maxLength: 12 }),
    }),
    { maxLength: 4 },
  );
  fc.assert(
    fc.property(proposals, fc.constantFrom(...names), (list, name) => {
      const offered: SaPayload = { kind: 'SA', proposals: list };
      const { ike, esp } = ikeV2Profiles[name].accept;
      offeredV2Texts(offered);
      for (const chosen of [
        chooseIkeV2(offered, ike, { additional: true }),
        chooseChild(offered, esp, { initial: false }),
      ]) {
        if (chosen.type === 'mismatch') continue;
        const [answer] = chosen.answer().proposals;
        assert.ok(
          list.some(({ transforms }) =>
            answer!.transforms.every((each) => (transforms as readonly Transform[]).includes(each)),
          ),
        );
      }
    }),
    { seed: 3, numRuns: 300 },
  );
});
