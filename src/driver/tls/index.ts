/** TLS for EAP by Node's own OpenSSL. docs/eap.md. */

export { certificateNames } from './certificateNames.ts';
export { NodeTlsEngine } from './nodeTlsEngine.ts';
export type { TlsMaterial, TlsRole, TlsSettings, VerifyChain } from './tlsSettings.ts';
