/** Ciphers over OpenSSL's contexts through FFI: for ESP packets, and AES-CBC for messages of IKE. */

export { type Cbc, fastCbc } from './cbc.ts';
export { type EvpCiphers, evpCiphers, fastSuites } from './evpCiphers.ts';
export { ModpGroup } from './modp.ts';
