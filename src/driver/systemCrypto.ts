/** `Crypto` by node:crypto, and by OpenSSL directly where that is possible and much faster. */

import type { Crypto } from '../crypto/index.ts';
import { nodeCrypto } from '../crypto/node/index.ts';
import { type Cbc, fastCbc } from './evp/index.ts';

let cbc: Cbc | undefined;

/** Native code is loaded when first needed. */
const chosen = (): Cbc => {
  cbc ??= fastCbc(nodeCrypto) ?? nodeCrypto;
  return cbc;
};

export const systemCrypto: Crypto = {
  ...nodeCrypto,
  cbcEncrypt: (name, key, iv, data) => chosen().cbcEncrypt(name, key, iv, data),
  cbcDecrypt: (name, key, iv, data) => chosen().cbcDecrypt(name, key, iv, data),
};
