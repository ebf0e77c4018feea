/** Between the field's names and transforms on the wire, one table for each kind. RFC 7296 §3.3.2 and §3.3.5. */

import type { GroupName } from '../../crypto/index.ts';
import type { EspIntegrity } from '../../esp/suite.ts';
import { nameOf } from '../../wire/index.ts';
import {
  EncrId,
  EsnId,
  IntegId,
  KeId,
  keyLengthOf,
  PrfId,
  type Proposal,
  type Transform,
  TransformAttribute,
  TransformType,
} from './payloads/index.ts';
import type { ChildAlternatives, IkeEncryption, IkeV2Alternatives, PrfHash } from './proposal.ts';
import { cipherName } from './proposal.ts';

/** A transform that is offered or taken, without its type. */
export interface Wanted {
  readonly id: number;
  /** Stated for ciphers that have several key lengths. */
  readonly keyBits?: number;
}

/** The alternatives of each transform type, best first. */
export type Rows = ReadonlyMap<number, readonly Wanted[]>;

// biome-ignore-start format: a table
const encryptionIds: Readonly<Record<IkeEncryption, number>> = {
  'aes-cbc': EncrId.ENCR_AES_CBC,
  'aes-gcm-16': EncrId.ENCR_AES_GCM_16,
  'chacha20-poly1305': EncrId.ENCR_CHACHA20_POLY1305,
  '3des-cbc': EncrId.ENCR_3DES,
};

const prfIds: Readonly<Record<PrfHash, number>> = {
  sha1: PrfId.PRF_HMAC_SHA1,
  sha256: PrfId.PRF_HMAC_SHA2_256,
  sha384: PrfId.PRF_HMAC_SHA2_384,
  sha512: PrfId.PRF_HMAC_SHA2_512,
};

const integrityIds: Readonly<Record<EspIntegrity, number>> = {
  'hmac-md5-96': IntegId.AUTH_HMAC_MD5_96,
  'hmac-sha1-96': IntegId.AUTH_HMAC_SHA1_96,
  'hmac-sha2-256-128': IntegId.AUTH_HMAC_SHA2_256_128,
  'hmac-sha2-384-192': IntegId.AUTH_HMAC_SHA2_384_192,
  'hmac-sha2-512-256': IntegId.AUTH_HMAC_SHA2_512_256,
};

const groupIds: Readonly<Record<GroupName, number>> = {
  modp1024: KeId.MODP1024,
  modp1536: KeId.MODP1536,
  modp2048: KeId.MODP2048,
  modp3072: KeId.MODP3072,
  modp4096: KeId.MODP4096,
  ecp256: KeId.ECP256,
  ecp384: KeId.ECP384,
  ecp521: KeId.ECP521,
  curve25519: KeId.CURVE25519,
  curve448: KeId.CURVE448,
  mlkem512: KeId.ML_KEM_512,
  mlkem768: KeId.ML_KEM_768,
  mlkem1024: KeId.ML_KEM_1024,
};
// biome-ignore-end format: a table

/** Both key length and salt of these are fixed: no attribute. RFC 7634 §2. */
const ONE_KEY_LENGTH: readonly number[] = [EncrId.ENCR_3DES, EncrId.ENCR_CHACHA20_POLY1305];

/** The id of "no transform of this type", the same in every type that has it. */
export const NONE = 0;

/** Most further key exchanges: ADDKE1 to ADDKE7. */
export const MAX_ADDITIONAL = 7;

/** The number of a key exchange method in KE payloads and transforms. */
export const groupNumber = (group: GroupName): number => groupIds[group];

/** The method of a number; undefined for one that is not ours. */
export const groupOf = (id: number): GroupName | undefined => nameIn(groupIds, id);

export function ikeRows({ ciphers, integrities, prfs, groups, additional }: IkeV2Alternatives): Rows {
  return rows([
    [TransformType.ENCR, ciphers.map(wantedCipher)],
    [TransformType.PRF, prfs.map((name) => ({ id: prfIds[name] }))],
    [TransformType.INTEG, integrities.map((name) => ({ id: integrityIds[name] }))],
    [TransformType.KE, groups.map(wantedGroup)],
    ...additional.map((alternatives, i) => [TransformType.ADDKE1 + i, alternatives.map(wantedGroup)] as const),
  ]);
}

/** @param initial in IKE_AUTH, where a child SA has no key exchange of its own. RFC 7296 §1.2 */
export function childRows(
  { ciphers, integrities, groups, additional, esn }: ChildAlternatives,
  initial: boolean,
): Rows {
  const exchanges = initial
    ? []
    : [groups, ...additional].map((alternatives, i) => {
        const type = i === 0 ? TransformType.KE : TransformType.ADDKE1 + i - 1;
        return [type, alternatives.map(wantedGroup)] as const;
      });
  return rows([
    [TransformType.ENCR, ciphers.map(wantedCipher)],
    [TransformType.INTEG, integrities.map((name) => ({ id: integrityIds[name] }))],
    ...exchanges,
    [TransformType.ESN, esn.map((extended) => ({ id: extended ? EsnId.ESN : EsnId.NO_ESN }))],
  ]);
}

export const isAdditional = (type: number): boolean => type >= TransformType.ADDKE1 && type <= TransformType.ADDKE7;

export const isExchange = (type: number): boolean => type === TransformType.KE || isAdditional(type);

/** All rows as transforms, in the order of the rows. */
export const transformsOf = (table: Rows): Transform[] =>
  [...table].flatMap(([type, alternatives]) => alternatives.map((wanted) => transformOf(type, wanted)));

/** Whether a transform is the one that is wanted. One with attributes that we do not know is none. RFC 7296 §3.3.6. */
export function isWanted(transform: Transform, { id, keyBits }: Wanted): boolean {
  if (transform.id !== id) return false;
  if (transform.attributes.some(({ type }) => type !== TransformAttribute.KEY_LENGTH)) return false;
  const stated = keyLengthOf(transform);
  // A fixed length that is stated all the same is told nowhere, but some do.
  return (
    keyBits === stated || (keyBits === undefined && ONE_KEY_LENGTH.includes(id) && [192, 256].includes(stated ?? 0))
  );
}

export function encryptionOf({ id, keyBits }: Wanted): {
  readonly encryption: IkeEncryption;
  readonly keyBits: number;
} {
  const encryption = nameIn(encryptionIds, id)!;
  return { encryption, keyBits: keyBits ?? (encryption === '3des-cbc' ? 192 : 256) };
}

export const prfOf = ({ id }: Wanted): PrfHash => nameIn(prfIds, id)!;
export const integrityOf = ({ id }: Wanted): EspIntegrity | undefined => nameIn(integrityIds, id);

/** One line for a proposal as it came, `|` between alternatives; what is unknown is named by the RFCs or by number. */
export function proposalText({ transforms }: Proposal): string {
  const types = [...new Set(transforms.map(({ type }) => type))];
  const part = (type: number) => {
    const texts = transforms.filter((transform) => transform.type === type).map(transformName);
    return [...new Set(texts)].join('|');
  };
  return types.map(part).join('/') || 'nothing';
}

/** E.g. `aes-cbc-256`, `prf-sha256`, `ke1-mlkem768`, `esn`. */
export function transformName(transform: Transform): string {
  const { type, id } = transform;
  switch (type) {
    case TransformType.ENCR: {
      const bits = keyLengthOf(transform);
      const name =
        nameIn(encryptionIds, id) ??
        nameOf(EncrId, id)
          .toLowerCase()
          .replace(/^encr_/, '')
          .replaceAll('_', '-');
      return bits === undefined ? name : cipherName(name, bits);
    }
    case TransformType.PRF:
      return `prf-${nameIn(prfIds, id) ?? nameOf(PrfId, id).toLowerCase().replace(/^prf_/, '').replaceAll('_', '-')}`;
    case TransformType.INTEG:
      return (
        nameIn(integrityIds, id) ??
        nameOf(IntegId, id)
          .toLowerCase()
          .replace(/^auth_/, '')
          .replaceAll('_', '-')
      );
    case TransformType.ESN:
      return id === EsnId.ESN ? 'esn' : id === EsnId.NO_ESN ? 'no-esn' : `esn-${id}`;
  }
  if (!isExchange(type)) return `transform-type-${type}:${id}`;
  const name = groupOf(id) ?? nameOf(KeId, id).toLowerCase();
  return isAdditional(type) ? `ke${type - TransformType.ADDKE1 + 1}-${name}` : name;
}

function wantedCipher({
  encryption,
  keyBits,
}: {
  readonly encryption: IkeEncryption;
  readonly keyBits: number;
}): Wanted {
  const id = encryptionIds[encryption];
  return ONE_KEY_LENGTH.includes(id) ? { id } : { id, keyBits };
}

const wantedGroup = (group: GroupName | 'none'): Wanted => ({ id: group === 'none' ? NONE : groupIds[group] });

const rows = (list: readonly (readonly [number, readonly Wanted[]])[]): Rows =>
  new Map(list.filter(([, alternatives]) => alternatives.length > 0));

const transformOf = (type: number, { id, keyBits }: Wanted): Transform => ({
  type,
  id,
  attributes: keyBits === undefined ? [] : [{ type: TransformAttribute.KEY_LENGTH, value: keyBits }],
});

function nameIn<const Name extends string>(table: Readonly<Record<Name, number>>, id: number): Name | undefined {
  return (Object.keys(table) as Name[]).find((name) => table[name] === id);
}
