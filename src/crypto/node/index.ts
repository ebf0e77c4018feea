/** The cryptography of `crypto/`, provided by node:crypto. */

export { nodeCrypto } from './crypto.ts';
export { nodeKeyExchange } from './keyExchange.ts';
