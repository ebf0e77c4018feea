/** Identities and Quick Mode selectors between ID payloads and the field's words. RFC 2407 §4.6.2. */

import { fromHex, printable, toHex, utf8 } from '../wire/index.ts';
import { addressBytes, addressText } from './address.ts';
import type { Identity, Selector } from './output.ts';
import { type IdPayload, IdType } from './payloads/index.ts';

/** The identity that an ID payload states; what cannot be read as its type says is shown as hexadecimal. */
export function identityOf({ idType, data }: Pick<IdPayload, 'idType' | 'data'>): Identity {
  switch (idType) {
    case IdType.ID_IPV4_ADDR:
      return data.length === 4 ? { type: 'ipv4', value: addressText(data)! } : other(data);
    case IdType.ID_IPV6_ADDR:
      return data.length === 16 ? { type: 'ipv6', value: addressText(data)! } : other(data);
    case IdType.ID_FQDN:
      return { type: 'fqdn', value: printable(data, MAX_IDENTITY_BYTES) };
    case IdType.ID_USER_FQDN:
      return { type: 'user-fqdn', value: printable(data, MAX_IDENTITY_BYTES) };
    case IdType.ID_KEY_ID:
      return { type: 'key-id', value: keyIdText(data) };
    case IdType.ID_DER_ASN1_DN:
      return { type: 'der-asn1-dn', value: toHex(data) };
    case IdType.ID_IPV4_ADDR_SUBNET:
    case IdType.ID_IPV6_ADDR_SUBNET: {
      const subnet = subnetText(data, idType === IdType.ID_IPV4_ADDR_SUBNET ? 4 : 16);
      if (subnet === undefined) return other(data);
      return { type: idType === IdType.ID_IPV4_ADDR_SUBNET ? 'ipv4-subnet' : 'other', value: subnet };
    }
  }
  return other(data);
}

/** The ID payload that states an identity of ours, with protocol and port 0. @throws RangeError for a value that its type cannot hold */
export function identityPayload({ type, value }: Identity): IdPayload {
  const id = (idType: number, data: Uint8Array): IdPayload => ({ kind: 'ID', idType, protocol: 0, port: 0, data });
  switch (type) {
    case 'ipv4':
    case 'ipv6': {
      const data = addressBytes(value);
      if (data === undefined) throw new RangeError(`'${value}' is no IP address`);
      return id(data.length === 4 ? IdType.ID_IPV4_ADDR : IdType.ID_IPV6_ADDR, data);
    }
    case 'fqdn':
      return id(IdType.ID_FQDN, utf8(value));
    case 'user-fqdn':
      return id(IdType.ID_USER_FQDN, utf8(value));
    case 'key-id':
      return id(IdType.ID_KEY_ID, value.startsWith('0x') ? fromHex(value.slice(2)) : utf8(value));
    case 'der-asn1-dn':
      return id(IdType.ID_DER_ASN1_DN, fromHex(value));
    case 'ipv4-subnet':
    case 'other':
      break;
  }
  throw new RangeError(`an identity of type '${type}' cannot be ours`);
}

/** An identity from a config file: an address, a name, `user@name`, or `key-id:` and any text (`key-id:0x…` for bytes). */
export function parseIdentity(text: string): Identity {
  const keyId = /^key-id:(.+)$/.exec(text)?.[1];
  if (keyId !== undefined) return { type: 'key-id', value: keyId };
  const address = addressBytes(text);
  if (address !== undefined) return { type: address.length === 4 ? 'ipv4' : 'ipv6', value: addressText(address)! };
  return { type: text.includes('@') ? 'user-fqdn' : 'fqdn', value: text };
}

/** Identities compare by type and value, names without regard to case. */
export function sameIdentity(a: Identity, b: Identity): boolean {
  if (a.type !== b.type) return false;
  const isName = a.type === 'fqdn' || a.type === 'user-fqdn';
  return isName ? a.value.toLowerCase() === b.value.toLowerCase() : a.value === b.value;
}

/** E.g. `ipv4 192.0.2.1`. */
export const identityText = ({ type, value }: Identity): string => `${type} ${value}`;

/** The traffic that a Quick Mode ID payload names; undefined for one that is no address or subnet. */
export function selectorOf({ idType, protocol, port, data }: IdPayload): Selector | undefined {
  const address = selectorAddress(idType, data);
  return address === undefined ? undefined : { address, protocol, port };
}

/** @throws RangeError where `address` is no address or prefix */
export function selectorPayload({ address, protocol, port }: Selector): IdPayload {
  const [host = '', prefix] = address.split('/');
  const data = addressBytes(host);
  const bits = prefix === undefined ? undefined : Number(prefix);
  if (data === undefined || (bits !== undefined && !(Number.isInteger(bits) && bits >= 0 && bits <= data.length * 8))) {
    throw new RangeError(`'${address}' is no IP address or prefix`);
  }
  const v4 = data.length === 4;
  if (bits === undefined) {
    return { kind: 'ID', idType: v4 ? IdType.ID_IPV4_ADDR : IdType.ID_IPV6_ADDR, protocol, port, data };
  }
  const idType = v4 ? IdType.ID_IPV4_ADDR_SUBNET : IdType.ID_IPV6_ADDR_SUBNET;
  const subnet = new Uint8Array(data.length * 2);
  subnet.set(data);
  for (let bit = 0; bit < bits; bit++) subnet[data.length + (bit >> 3)]! |= 0x80 >> (bit & 7);
  return { kind: 'ID', idType, protocol, port, data: subnet };
}

/** Names longer than this are cut when they are shown. */
const MAX_IDENTITY_BYTES = 255;

const other = (data: Uint8Array): Identity => ({ type: 'other', value: toHex(data) });

/** A key id is any bytes, in practice the name of a group. */
function keyIdText(data: Uint8Array): string {
  const isText = data.length > 0 && data.every((byte) => byte >= 0x20 && byte < 0x7f);
  return isText ? printable(data, MAX_IDENTITY_BYTES) : `0x${toHex(data)}`;
}

function selectorAddress(idType: number, data: Uint8Array): string | undefined {
  if (idType === IdType.ID_IPV4_ADDR && data.length === 4) return addressText(data);
  if (idType === IdType.ID_IPV6_ADDR && data.length === 16) return addressText(data);
  if (idType === IdType.ID_IPV4_ADDR_SUBNET) return subnetText(data, 4);
  if (idType === IdType.ID_IPV6_ADDR_SUBNET) return subnetText(data, 16);
  return undefined;
}

/** `address/length` of an address and its mask; undefined where the mask is not contiguous. */
function subnetText(data: Uint8Array, addressLength: number): string | undefined {
  if (data.length !== addressLength * 2) return undefined;
  const mask = Array.from(data.subarray(addressLength), (byte) => byte.toString(2).padStart(8, '0')).join('');
  if (!/^1*0*$/.test(mask)) return undefined;
  return `${addressText(data.subarray(0, addressLength))}/${mask.replaceAll('0', '').length}`;
}
