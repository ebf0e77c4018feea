/** ESP packet ciphers over OpenSSL's EVP contexts through FFI. */

export { type EvpCiphers, evpCiphers, fastSuites } from './evpCiphers.ts';
