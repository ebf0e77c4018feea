import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { nodeKeyExchange } from '../../src/crypto/node/index.ts';
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

  it('shares a pair among exchanges that begin together, each with a copy of its own', async () => {
    const sharing = new KeyPool(0, nodeKeyExchange, 60_000);
    const generate = async (group: 'ecp256' | 'modp2048' | 'mlkem512') => {
      const answer = await sharing.answer({ kind: 'generateKey', group });
      assert.ok(answer.kind === 'generateKey');
      return answer.keyPair;
    };
    const [first, second] = [await generate('ecp256'), await generate('ecp256')];
    assert.deepEqual(first, second);
    first.privateValue.fill(0);
    assert.ok((await generate('ecp256')).privateValue.some((byte) => byte !== 0));
    assert.notDeepEqual((await generate('modp2048')).publicValue, second.publicValue);
    assert.notDeepEqual((await generate('mlkem512')).publicValue, (await generate('mlkem512')).publicValue);
    await sharing.close();
  });

  it('overwrites a shared pair when its time is over, and makes another', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const privateValue = Uint8Array.of(1, 2, 3);
    let made = 0;
    const keyExchange = {
      ...nodeKeyExchange,
      generateKey: () => ({ publicValue: Uint8Array.of(++made), privateValue }),
    };
    const sharing = new KeyPool(0, keyExchange, 100);
    const publicOf = async () => {
      const answer = await sharing.answer({ kind: 'generateKey', group: 'ecp256' });
      return answer.kind === 'generateKey' ? answer.keyPair.publicValue[0] : undefined;
    };
    assert.deepEqual([await publicOf(), await publicOf()], [1, 1]);
    t.mock.timers.tick(100);
    await Promise.resolve();
    assert.deepEqual(privateValue, new Uint8Array(3));
    assert.equal(await publicOf(), 2);
  });

  it('does the work of a closed pool in this thread', async () => {
    const closed = new KeyPool();
    await closed.close();
    assert.equal((await closed.answer({ kind: 'generateKey', group: 'modp3072' })).kind, 'generateKey');
  });
});
