/** What every store must do, whichever database stands behind it. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Store, StoredUser } from '../../src/store/index.ts';

export const ANN: StoredUser = {
  name: 'ann',
  passwordHash: 'scrypt$2$1$1$c2FsdA==$aGFzaA==',
  sealedSecrets: Uint8Array.of(0, 1, 255),
  address: '10.87.0.50',
  disabled: false,
  createdAt: 1_772_000_000.125,
};
const BOB: StoredUser = {
  name: 'Bob',
  passwordHash: 'x',
  sealedSecrets: new Uint8Array(300),
  disabled: true,
  createdAt: 0,
};

/** @param open opens the same store again and again within a test, empty at its first time */
export function storeContract(what: string, open: () => () => Store): void {
  describe(what, () => {
    const it_ = (name: string, check: (store: Store, again: () => Store) => void) =>
      it(name, () => {
        const reopen = open();
        const store = reopen();
        try {
          check(store, reopen);
        } finally {
          store.close();
        }
      });

    it_('is empty at first', (store) => {
      assert.deepEqual(store.users(), []);
      assert.equal(store.user('ann'), undefined);
      assert.equal(store.removeUser('ann'), false);
      assert.equal(store.setting('x'), undefined);
    });

    it_('gives back what it was given, byte for byte, without fields that were not there', (store) => {
      store.putUser(ANN);
      store.putUser(BOB);
      assert.deepEqual(store.user('ann'), ANN);
      assert.deepEqual(store.user('Bob'), BOB);
      assert.ok(!('address' in store.user('Bob')!));
      assert.deepEqual(
        store
          .users()
          .map(({ name }) => name)
          .sort(),
        ['Bob', 'ann'],
      );
    });

    it_('replaces the user of a name, but not when it was created', (store) => {
      store.putUser(ANN);
      const { address: _, ...rest } = ANN;
      store.putUser({ ...rest, passwordHash: 'new', disabled: true, createdAt: 5 });
      assert.deepEqual(store.users(), [{ ...rest, passwordHash: 'new', disabled: true }]);
    });

    it_('tells names apart by every character', (store) => {
      for (const name of ['ann', 'Ann', 'ann ', 'änn', "a'; DROP TABLE users; --", '%', '']) {
        store.putUser({ ...BOB, name });
      }
      assert.equal(store.users().length, 7);
      assert.equal(store.user("a'; DROP TABLE users; --")!.name, "a'; DROP TABLE users; --");
    });

    it_('refuses two users with one address', (store) => {
      store.putUser(ANN);
      assert.throws(() => store.putUser({ ...BOB, address: ANN.address! }));
      assert.equal(store.user('Bob'), undefined);
    });

    it_('removes users', (store) => {
      store.putUser(ANN);
      assert.equal(store.removeUser('ann'), true);
      assert.equal(store.removeUser('ann'), false);
      store.putUser({ ...BOB, address: ANN.address! });
      assert.equal(store.users().length, 1, 'the address is free again');
    });

    it_('keeps settings', (store) => {
      store.putSetting('a', '1');
      store.putSetting('a', '2');
      store.putSetting('b', '');
      assert.equal(store.setting('a'), '2');
      assert.equal(store.setting('b'), '');
      store.removeSetting('a');
      store.removeSetting('a');
      assert.equal(store.setting('a'), undefined);
    });

    it_('shows at once what another process writes', (store, again) => {
      const other = again();
      try {
        for (let i = 0; i < 20; i++) {
          (i % 2 === 0 ? store : other).putUser({ ...BOB, name: `u${i}` });
          assert.equal(store.users().length, i + 1);
          assert.equal(other.users().length, i + 1);
        }
      } finally {
        other.close();
      }
    });

    it_('remembers after it was closed', (store, again) => {
      store.putUser(ANN);
      store.putSetting('a', '1');
      const second = again();
      try {
        assert.deepEqual(second.user('ann'), ANN);
        assert.equal(second.setting('a'), '1');
      } finally {
        second.close();
      }
    });
  });
}
