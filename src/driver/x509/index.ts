/** Certificates through node's own OpenSSL: judged, used to sign, made. docs/certificates.md. */

export { authoritiesAbove } from './authorities.ts';
export {
  type AlternativeNames,
  type Certificate,
  certificatePem,
  certificateText,
  keyTypeOf,
  namesText,
  readCertificate,
} from './certificate.ts';
export {
  type CredentialFiles,
  type LoadedCredential,
  loadCertificates,
  loadCredential,
  loadCrls,
  versionOf,
} from './certificateFiles.ts';
export { identityFailure, identityName, isFor } from './identityMatch.ts';
export {
  type Extensions,
  encodeName,
  type Issuer,
  issueCertificate,
  issueCrl,
  type NameParts,
  type NewCertificate,
  type NewCrl,
  parseName,
} from './issue.ts';
export { type Judgement, type JudgeRules, judge, signWith } from './judge.ts';
export { type Pkcs12Contents, type Pkcs12Strength, readPkcs12, writePkcs12 } from './pkcs12.ts';
export { RevocationFetcher } from './revocationFetcher.ts';
export { OpensslError } from './scope.ts';
export { fits, signOctets, verifyOctets } from './signatures.ts';
export {
  type ChainCheck,
  type ChainVerdict,
  MAX_CHAIN_CERTIFICATES,
  type RevocationPolicy,
  type TrustFiles,
  TrustStore,
} from './trustStore.ts';
