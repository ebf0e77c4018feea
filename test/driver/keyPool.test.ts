import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { KeyPool } from '../../src/driver/keyPool.ts';

describe('KeyPool', () => {
  const pool = new KeyPool();
  after(() => pool.close());

  for (const group of ['ecp256', 'modp3072'] as const) {
    it(`agrees on a secret of ${group}`, async () => {
      const [a, b] = await Promise.all([
        pool.answer({ kind: 'generateKey', group }),
        pool.answer({ kind: 'generateKey', group }),
      ]);
      assert.ok(a.kind === 'generateKey' && b.kind === 'generateKey');
      const [mine, theirs] = await Promise.all(
        [[a, b] as const, [b, a] as const].map(([own, other]) =>
          pool.answer({
            kind: 'deriveSecret',
            group,
            privateValue: own.keyPair.privateValue,
            peerPublicValue: other.keyPair.publicValue,
          }),
        ),
      );
      assert.ok(mine?.kind === 'deriveSecret' && theirs?.kind === 'deriveSecret');
      assert.ok(mine.secret?.some((byte) => byte !== 0));
      assert.deepEqual(mine.secret, theirs.secret);
    });
  }

  it('encapsulates a secret of ML-KEM for who generated the key, also in a thread that was given that key', async () => {
    const group = 'mlkem768';
    const own = await pool.answer({ kind: 'generateKey', group });
    assert.ok(own.kind === 'generateKey');
    const { publicValue: peerPublicValue, privateValue } = own.keyPair;
    const answer = await pool.answer({ kind: 'encapsulate', group, peerPublicValue });
    assert.ok(answer.kind === 'encapsulate' && answer.encapsulated !== undefined);
    const { ciphertext, secret } = answer.encapsulated;
    const derived = await pool.answer({ kind: 'deriveSecret', group, privateValue, peerPublicValue: ciphertext });
    assert.deepEqual(derived, { kind: 'deriveSecret', secret });
    const refused = await pool.answer({ kind: 'encapsulate', group, peerPublicValue: new Uint8Array(9) });
    assert.deepEqual(refused, { kind: 'encapsulate', encapsulated: undefined });
  });

  it('answers a refused public value with no secret', async () => {
    const own = await pool.answer({ kind: 'generateKey', group: 'modp3072' });
    assert.ok(own.kind === 'generateKey');
    const answer = await pool.answer({
      kind: 'deriveSecret',
      group: 'modp3072',
      privateValue: own.keyPair.privateValue,
      peerPublicValue: new Uint8Array(384),
    });
    assert.deepEqual(answer, { kind: 'deriveSecret', secret: undefined });
  });

  it('does the work of a closed pool in this thread', async () => {
    const closed = new KeyPool();
    await closed.close();
    assert.equal((await closed.answer({ kind: 'generateKey', group: 'modp3072' })).kind, 'generateKey');
  });
});
