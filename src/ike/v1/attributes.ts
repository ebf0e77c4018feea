/** Transform ids and attributes of IKEv1 phase 1 and phase 2. RFC 2409 Appendix A, RFC 2407 §4.4 and §4.5, RFC 3947 §5.1. */

/** The only phase 1 transform. RFC 2407 §4.4.2. */
export const KEY_IKE = 1;

/** RFC 2409 Appendix A; ASCII names as in the RFC. */
export const IkeAttributeType = {
  EncryptionAlgorithm: 1,
  HashAlgorithm: 2,
  AuthenticationMethod: 3,
  GroupDescription: 4,
  GroupType: 5,
  GroupPrime: 6,
  GroupGeneratorOne: 7,
  GroupGeneratorTwo: 8,
  GroupCurveA: 9,
  GroupCurveB: 10,
  LifeType: 11,
  LifeDuration: 12,
  Prf: 13,
  KeyLength: 14,
  FieldSize: 15,
  GroupOrder: 16,
} as const;

/** RFC 2409 Appendix A, RFC 3602 §5. */
export const IkeEncryption = {
  'des-cbc': 1,
  'idea-cbc': 2,
  'blowfish-cbc': 3,
  'rc5-cbc': 4,
  '3des-cbc': 5,
  'cast-cbc': 6,
  'aes-cbc': 7,
  'camellia-cbc': 8,
} as const;

/** RFC 2409 Appendix A; the SHA2 numbers are IANA's. */
export const IkeHash = { md5: 1, sha1: 2, tiger: 3, sha256: 4, sha384: 5, sha512: 6 } as const;

/** RFC 2409 Appendix A, RFC 4754 §6; XAUTH's private numbers are named so that a log shows them. */
export const IkeAuthentication = {
  'pre-shared-key': 1,
  'dss-signatures': 2,
  'rsa-signatures': 3,
  'rsa-encryption': 4,
  'revised-rsa-encryption': 5,
  'ecdsa-256': 9,
  'ecdsa-384': 10,
  'ecdsa-521': 11,
  'hybrid-init-rsa': 64221,
  'xauth-init-pre-shared-key': 65001,
  'xauth-init-rsa-signatures': 65005,
} as const;

/** RFC 2409 §6, RFC 3526, RFC 5903 §2, RFC 5114. */
export const GroupDescription = {
  modp768: 1,
  modp1024: 2,
  ec2n155: 3,
  ec2n185: 4,
  modp1536: 5,
  modp2048: 14,
  modp3072: 15,
  modp4096: 16,
  modp6144: 17,
  modp8192: 18,
  ecp256: 19,
  ecp384: 20,
  ecp521: 21,
  modp1024s160: 22,
  modp2048s224: 23,
  modp2048s256: 24,
  ecp192: 25,
  ecp224: 26,
} as const;

/** The numbers are the same in both phases. RFC 2409 Appendix A, RFC 2407 §4.5. */
export const LifeType = { seconds: 1, kilobytes: 2 } as const;

/** RFC 2407 §4.4.4, RFC 3602, RFC 4106 §8.4. */
export const EspTransform = {
  'des-iv64': 1,
  'des-cbc': 2,
  '3des-cbc': 3,
  'rc5-cbc': 4,
  'idea-cbc': 5,
  'cast-cbc': 6,
  'blowfish-cbc': 7,
  '3idea-cbc': 8,
  'des-iv32': 9,
  rc4: 10,
  null: 11,
  'aes-cbc': 12,
  'aes-ctr': 13,
  'aes-ccm-8': 14,
  'aes-ccm-12': 15,
  'aes-ccm-16': 16,
  'aes-gcm-8': 18,
  'aes-gcm-12': 19,
  'aes-gcm-16': 20,
  'camellia-cbc': 22,
  'null-auth-aes-gmac': 23,
} as const;

/** RFC 2407 §4.5. */
export const SaAttributeType = {
  LifeType: 1,
  LifeDuration: 2,
  GroupDescription: 3,
  EncapsulationMode: 4,
  AuthenticationAlgorithm: 5,
  KeyLength: 6,
  KeyRounds: 7,
  CompressDictionarySize: 8,
  CompressPrivateAlgorithm: 9,
  EcnTunnel: 10,
  ExtendedSequenceNumber: 11,
} as const;

/** RFC 2407 §4.5, RFC 3947 §5.1; the private numbers are those of its drafts. */
export const EncapsulationMode = {
  tunnel: 1,
  transport: 2,
  'udp-tunnel': 3,
  'udp-transport': 4,
  'udp-tunnel-draft': 61443,
  'udp-transport-draft': 61444,
} as const;

/** RFC 2407 §4.5, RFC 4868. */
export const EspAuthentication = {
  'hmac-md5-96': 1,
  'hmac-sha1-96': 2,
  'des-mac': 3,
  kpdk: 4,
  'hmac-sha2-256-128': 5,
  'hmac-sha2-384-192': 6,
  'hmac-sha2-512-256': 7,
  'hmac-ripemd-160-96': 8,
  'aes-xcbc-mac-96': 9,
} as const;

/** How an attribute list of one protocol is named. */
interface AttributeNames {
  readonly types: Readonly<Record<string, number>>;
  readonly values: Readonly<Record<number, Readonly<Record<string, number>>>>;
}

/** Names of the types and values in phase 1 transforms. */
export const ikeAttributeNames: AttributeNames = {
  types: IkeAttributeType,
  values: {
    [IkeAttributeType.EncryptionAlgorithm]: IkeEncryption,
    [IkeAttributeType.HashAlgorithm]: IkeHash,
    [IkeAttributeType.AuthenticationMethod]: IkeAuthentication,
    [IkeAttributeType.GroupDescription]: GroupDescription,
    [IkeAttributeType.LifeType]: LifeType,
  },
};

/** Names of the types and values in phase 2 transforms. */
export const saAttributeNames: AttributeNames = {
  types: SaAttributeType,
  values: {
    [SaAttributeType.LifeType]: LifeType,
    [SaAttributeType.GroupDescription]: GroupDescription,
    [SaAttributeType.EncapsulationMode]: EncapsulationMode,
    [SaAttributeType.AuthenticationAlgorithm]: EspAuthentication,
  },
};
