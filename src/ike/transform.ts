/** IKEv1 transforms read into, and written from, the field's names. RFC 2409 Appendix A, RFC 2407 §4.5. */

import type { CbcName, ClassicGroupName, HashName } from '../crypto/index.ts';
import type { EspEncryption, EspIntegrity, EspSuite } from '../esp/suite.ts';
import { nameOf } from '../wire/index.ts';
import { type Attribute, attributeNumber, numberAttribute, ProtocolId, type Transform } from './payloads/index.ts';
import type { AuthenticationMethod, EspPolicy, IkePolicy, IkeProposal } from './proposal.ts';
import { cipherText } from './proposal.ts';
import {
  EncapsulationMode,
  EspAuthentication,
  EspTransform,
  GroupDescription,
  IkeAttributeType,
  IkeAuthentication,
  IkeEncryption,
  IkeHash,
  KEY_IKE,
  LifeType,
  SaAttributeType,
} from './v1/attributes.ts';

/** A lifetime that an attribute list states; the smaller one where it states several. */
export interface Lifetime {
  readonly seconds?: number;
  readonly kilobytes?: number;
}

/** A phase 1 transform of a peer. `proposal` is absent where something in it is unknown to us. */
export interface OfferedIke {
  readonly proposal?: IkeProposal;
  /** Number of the authentication method. */
  readonly authentication: number | undefined;
  readonly lifetime: Lifetime;
  readonly text: string;
}

/** A phase 2 transform of a peer. `suite` is absent where something in it is unknown to us. */
export interface OfferedEsp {
  readonly suite?: EspSuite;
  /** Absent without PFS; a number where the group is unknown to us. */
  readonly pfs?: ClassicGroupName | number;
  /** The encapsulation mode's number; absent where none was sent. */
  readonly encapsulation?: number;
  readonly lifetime: Lifetime;
  readonly text: string;
}

const IKE_ENCRYPTIONS = ['aes-cbc', '3des-cbc'] as const satisfies readonly CbcName[];
const HASHES = ['md5', 'sha1', 'sha256', 'sha384', 'sha512'] as const satisfies readonly HashName[];
const ESP_ENCRYPTIONS = ['aes-cbc', 'aes-gcm-16', '3des-cbc'] as const satisfies readonly EspEncryption[];
const ESP_INTEGRITIES = [
  'hmac-md5-96',
  'hmac-sha1-96',
  'hmac-sha2-256-128',
  'hmac-sha2-384-192',
  'hmac-sha2-512-256',
] as const satisfies readonly EspIntegrity[];
const GROUPS = [
  'modp1024',
  'modp1536',
  'modp2048',
  'modp3072',
  'modp4096',
  'ecp256',
  'ecp384',
  'ecp521',
] as const satisfies readonly ClassicGroupName[];

const KEY_BITS: readonly number[] = [128, 192, 256];
const AES_DEFAULT_KEY_BITS = 128;
const TRIPLE_DES_KEY_BITS = 192;
/** RFC 2409 Appendix A. */
const GROUP_TYPE_MODP = 1;
const GROUP_TYPE_ECP = 2;

export function readIkeTransform(transform: Transform): OfferedIke {
  const T = IkeAttributeType;
  const { values, lifetime, clean } = readValues(transform.attributes, T.LifeType, T.LifeDuration);
  const encryption = known(IkeEncryption, IKE_ENCRYPTIONS, values.get(T.EncryptionAlgorithm));
  const keyBits = encryption === undefined ? undefined : keyBitsOf(encryption, values.get(T.KeyLength));
  const hash = known(IkeHash, HASHES, values.get(T.HashAlgorithm));
  const group = known(GroupDescription, GROUPS, values.get(T.GroupDescription));
  const authentication = values.get(T.AuthenticationMethod);
  const groupType = values.get(T.GroupType) ?? GROUP_TYPE_MODP;
  const usual = [GROUP_TYPE_MODP, GROUP_TYPE_ECP].includes(groupType) && onlyTypes(values, IKE_TYPES_READ);
  const complete = clean && usual && transform.id === KEY_IKE;
  const proposal =
    complete && encryption && keyBits && hash && group ? { encryption, keyBits, hash, group } : undefined;
  const text = [
    cipherName(IkeEncryption, values.get(T.EncryptionAlgorithm), values.get(T.KeyLength)),
    valueName(IkeHash, values.get(T.HashAlgorithm), 'no hash')
      .replace(/^(md5|sha1)$/, 'hmac-$1')
      .replace(/^sha(\d{3})$/, 'hmac-sha2-$1'),
    valueName(GroupDescription, values.get(T.GroupDescription), 'no group'),
    ...(authentication === IkeAuthentication['pre-shared-key']
      ? []
      : [valueName(IkeAuthentication, authentication, 'no authentication method')]),
  ].join('/');
  return { ...(proposal && { proposal }), authentication, lifetime, text };
}

export function readEspTransform(transform: Transform): OfferedEsp {
  const T = SaAttributeType;
  const { values, lifetime, clean } = readValues(transform.attributes, T.LifeType, T.LifeDuration);
  const encryption = known(EspTransform, ESP_ENCRYPTIONS, transform.id);
  const keyBits = encryption === undefined ? undefined : keyBitsOf(encryption, values.get(T.KeyLength));
  const integrityNumber = values.get(T.AuthenticationAlgorithm);
  const integrity = known(EspAuthentication, ESP_INTEGRITIES, integrityNumber);
  const paired = encryption === 'aes-gcm-16' ? integrityNumber === undefined : integrity !== undefined;
  const complete = clean && paired && onlyTypes(values, SA_TYPES_READ);
  const suite: EspSuite | undefined =
    complete && encryption && keyBits ? { encryption, keyBits, ...(integrity && { integrity }) } : undefined;
  const groupNumber = values.get(T.GroupDescription);
  const pfs = known(GroupDescription, GROUPS, groupNumber) ?? groupNumber;
  const encapsulation = values.get(T.EncapsulationMode);
  const text = [
    cipherName(EspTransform, transform.id, values.get(T.KeyLength)),
    ...(integrityNumber === undefined ? [] : [nameOf(EspAuthentication, integrityNumber)]),
    ...(groupNumber === undefined ? [] : [nameOf(GroupDescription, groupNumber)]),
  ].join('/');
  return {
    ...(suite && { suite }),
    ...(pfs !== undefined && { pfs }),
    ...(encapsulation !== undefined && { encapsulation }),
    lifetime,
    text,
  };
}

/** A proposal of ours as a phase 1 transform. */
export function ikeTransform(
  number: number,
  proposal: IkeProposal,
  policy: IkePolicy,
  authentication: AuthenticationMethod = policy.authentication,
): Transform {
  const T = IkeAttributeType;
  const { encryption, keyBits, hash, group } = proposal;
  const attributes: Attribute[] = [{ type: T.EncryptionAlgorithm, value: IkeEncryption[encryption] }];
  // A key length must not be sent for ciphers that have one only: RFC 2409 Appendix A.
  if (encryption === 'aes-cbc') attributes.push({ type: T.KeyLength, value: keyBits });
  attributes.push(
    { type: T.HashAlgorithm, value: IkeHash[hash] },
    { type: T.GroupDescription, value: GroupDescription[group] },
    { type: T.AuthenticationMethod, value: authenticationNumber(authentication) },
    { type: T.LifeType, value: LifeType.seconds },
    numberAttribute(T.LifeDuration, policy.lifetimeSeconds),
  );
  return { number, id: KEY_IKE, attributes };
}

/** A suite of ours as a phase 2 transform. */
export function espTransform(number: number, suite: EspSuite, policy: EspPolicy, encapsulation: number): Transform {
  const T = SaAttributeType;
  const { encryption, keyBits, integrity } = suite;
  const pfs = policy.pfs[0] ?? 'none';
  const attributes: Attribute[] = [{ type: T.EncapsulationMode, value: encapsulation }];
  if (encryption !== '3des-cbc') attributes.push({ type: T.KeyLength, value: keyBits });
  if (integrity !== undefined)
    attributes.push({ type: T.AuthenticationAlgorithm, value: EspAuthentication[integrity] });
  if (pfs !== 'none') attributes.push({ type: T.GroupDescription, value: GroupDescription[pfs] });
  attributes.push(
    { type: T.LifeType, value: LifeType.seconds },
    numberAttribute(T.LifeDuration, policy.lifetimeSeconds),
  );
  if (policy.lifetimeKilobytes !== undefined) {
    attributes.push(
      { type: T.LifeType, value: LifeType.kilobytes },
      numberAttribute(T.LifeDuration, policy.lifetimeKilobytes),
    );
  }
  if (encryption === 'chacha20-poly1305') throw new RangeError('IKEv1 has no number for ChaCha20-Poly1305');
  return { number, id: EspTransform[encryption], attributes };
}

export const authenticationNumber = (method: AuthenticationMethod): number => IkeAuthentication[method];

/** What an encapsulation mode means; undefined for a number that is none. RFC 2407 §4.5, RFC 3947 §5.1. */
export function readEncapsulation(
  mode: number,
): { readonly mode: 'transport' | 'tunnel'; readonly udpEncapsulation: boolean } | undefined {
  switch (mode) {
    case EncapsulationMode.tunnel:
      return { mode: 'tunnel', udpEncapsulation: false };
    case EncapsulationMode.transport:
      return { mode: 'transport', udpEncapsulation: false };
    case EncapsulationMode['udp-tunnel']:
    case EncapsulationMode['udp-tunnel-draft']:
      return { mode: 'tunnel', udpEncapsulation: true };
    case EncapsulationMode['udp-transport']:
    case EncapsulationMode['udp-transport-draft']:
      return { mode: 'transport', udpEncapsulation: true };
  }
  return undefined;
}

/** One line for a transform of any protocol, for traces and mismatches. */
export function transformText(protocol: number, transform: Transform): string {
  if (protocol === ProtocolId.PROTO_ISAKMP) return readIkeTransform(transform).text;
  if (protocol === ProtocolId.PROTO_IPSEC_ESP) return readEspTransform(transform).text;
  return `${nameOf(ProtocolId, protocol)} transform ${transform.id}`;
}

const IKE_TYPES_READ: readonly number[] = [
  IkeAttributeType.EncryptionAlgorithm,
  IkeAttributeType.HashAlgorithm,
  IkeAttributeType.AuthenticationMethod,
  IkeAttributeType.GroupDescription,
  IkeAttributeType.GroupType,
  IkeAttributeType.KeyLength,
];

const SA_TYPES_READ: readonly number[] = [
  SaAttributeType.GroupDescription,
  SaAttributeType.EncapsulationMode,
  SaAttributeType.AuthenticationAlgorithm,
  SaAttributeType.KeyLength,
];

/** `clean` is false where an attribute is no number or contradicts an earlier one of its type (RFC 2407 §4.5.2). */
function readValues(attributes: readonly Attribute[], lifeType: number, lifeDuration: number) {
  const values = new Map<number, number>();
  let clean = true;
  let unit: number | undefined;
  let seconds: number | undefined;
  let kilobytes: number | undefined;
  for (const attribute of attributes) {
    const value = attributeNumber(attribute);
    if (attribute.type === lifeType) unit = value;
    else if (attribute.type === lifeDuration) {
      // Zero, and what does not fit into 32 bits, says nothing that would bind anyone.
      if (value === undefined || value === 0) continue;
      if (unit === LifeType.seconds) seconds = Math.min(value, seconds ?? value);
      if (unit === LifeType.kilobytes) kilobytes = Math.min(value, kilobytes ?? value);
    } else if (value === undefined || (values.has(attribute.type) && values.get(attribute.type) !== value)) {
      clean = false;
    } else values.set(attribute.type, value);
  }
  const lifetime: Lifetime = {
    ...(seconds !== undefined && { seconds }),
    ...(kilobytes !== undefined && { kilobytes }),
  };
  return { values, lifetime, clean };
}

const onlyTypes = (values: ReadonlyMap<number, number>, types: readonly number[]) =>
  [...values.keys()].every((type) => types.includes(type));

/** The name of a number among those that we implement. */
function known<const Name extends string>(
  table: Readonly<Record<string, number>>,
  names: readonly Name[],
  value: number | undefined,
): Name | undefined {
  return names.find((name) => table[name] === value);
}

/** The key's bits; undefined for a length that the cipher does not have. Some old routers leave AES's out and mean 128. */
function keyBitsOf(encryption: EspEncryption, sent: number | undefined): number | undefined {
  if (encryption === '3des-cbc')
    return sent === undefined || sent === TRIPLE_DES_KEY_BITS ? TRIPLE_DES_KEY_BITS : undefined;
  const bits = sent ?? AES_DEFAULT_KEY_BITS;
  return KEY_BITS.includes(bits) ? bits : undefined;
}

function cipherName(table: Readonly<Record<string, number>>, id: number | undefined, keyBits: number | undefined) {
  const name = valueName(table, id, 'no encryption');
  if (keyBits !== undefined) return cipherText(name, keyBits);
  return /^aes-(cbc|gcm-16)$/.test(name) ? cipherText(name, AES_DEFAULT_KEY_BITS) : name;
}

const valueName = (table: Readonly<Record<string, number>>, value: number | undefined, absent: string) =>
  value === undefined ? absent : nameOf(table, value);
