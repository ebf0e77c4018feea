/** The users of a running gateway: the store of its state directory, opened with its key. */

import type { UserAnswer } from '../gateway/index.ts';
import type { Credentials } from '../ppp/output.ts';
import {
  CARD_USER,
  type JudgeRules,
  judge,
  loadKey,
  makeUser,
  openSqliteStore,
  type Store,
  unsealUser,
} from '../store/index.ts';
import type { CardFacts } from './connectionCard.ts';
import type { Log } from './logger.ts';
import { generatePassword, type StateDirectory } from './stateDirectory.ts';

/** Name of the first user of the embedded default. */
const FIRST_USER = 'vpn';

export class StoredUsers {
  readonly #key: Uint8Array;
  readonly #store: Store;
  readonly #log: Log;

  /** @throws Error where the key or the database cannot be used */
  constructor(state: StateDirectory, log: Log) {
    this.#key = loadKey(state.keyFile);
    this.#store = openSqliteStore(state.database);
    this.#log = log;
  }

  get count(): number {
    return this.#store.users().length;
  }

  /** Static addresses by user. */
  get reserved(): ReadonlyMap<string, string> {
    return new Map(
      this.#store.users().flatMap(({ name, address }) => (address === undefined ? [] : [[name, address]])),
    );
  }

  /** Makes a user with a generated password, which the connection card shows, where there is none yet. */
  makeFirst(): void {
    if (this.count > 0) return;
    this.#store.putUser(makeUser(this.#key, FIRST_USER, generatePassword(), Date.now() / 1000));
    this.#store.putSetting(CARD_USER, FIRST_USER);
  }

  async judge(credentials: Credentials, rules: JudgeRules): Promise<UserAnswer> {
    try {
      return await judge(this.#store, this.#key, credentials, rules);
    } catch (error) {
      this.#log.error('store', `A user could not be judged: ${(error as Error).message}`);
      return {
        accepted: false,
        unjudged: true,
        reason: { code: 'store-failed', reason: 'The gateway could not look the user up.' },
      };
    }
  }

  /** Whom the connection card is for; with the password where it is the generated one. */
  cardUser(): Pick<CardFacts, 'user' | 'password'> {
    const shown = this.#store.setting(CARD_USER);
    const user = shown ?? this.#store.users()[0]?.name ?? '(add one with `sallyport user add`)';
    const stored = shown === undefined ? undefined : this.#store.user(shown);
    return { user, password: stored === undefined ? undefined : unsealUser(this.#key, stored).password };
  }

  close(): void {
    this.#store.close();
  }
}
