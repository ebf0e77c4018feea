/** The cryptographic interface that the cores are handed, and what is computed from it alone. */

export { chapMd5Response, checkChapMd5Response } from './chapMd5.ts';
export type {
  CbcName,
  ClassicGroupName,
  Crypto,
  Encapsulated,
  GroupName,
  HashName,
  KemName,
  KeyExchange,
  KeyPair,
} from './crypto.ts';
export { isKem } from './groups.ts';
export { md4 } from './md4.ts';
export {
  challengeHash,
  checkAuthenticatorResponse,
  checkNtResponse,
  generateAuthenticatorResponse,
  generateNtResponse,
  ntPasswordHash,
  type PeerChallenges,
  withoutDomain,
} from './msChapV2.ts';
export { msChapV2MasterKey, msChapV2Msk, msChapV2StartKey } from './msChapV2Keys.ts';
