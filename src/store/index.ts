export { type JudgeRules, judge } from './judge.ts';
export { openSqliteStore } from './sqliteStore.ts';
export { CARD_USER, type Store, type StoredUser } from './store.ts';
export { credentialOf, loadKey, makeUser, type UserSecrets, unsealUser, verifyPassword } from './userSecrets.ts';
