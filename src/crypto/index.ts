export type { CbcName, Crypto, GroupName, HashName, KeyExchange, KeyPair } from './crypto.ts';
