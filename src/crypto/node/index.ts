/** The cryptography of `crypto/`, provided by node:crypto. */

export { nodeCrypto } from './crypto.ts';
export { isBetweenOneAndMinusOne, modpParameters, nodeKeyExchange } from './keyExchange.ts';
