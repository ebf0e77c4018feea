/** Data attributes of transforms: type/value (basic) or type/length/value (variable). RFC 2408 §3.3. */

import { Malformed, type Reader, type Writer } from '../../wire/index.ts';

/** Most attributes that are read in one transform. */
export const MAX_ATTRIBUTES = 32;

const ATTRIBUTE_FORMAT_BASIC = 0x8000;

/** A value of 16 bits in the basic form. */
export interface BasicAttribute {
  readonly type: number;
  readonly value: number;
}

/** A value of any length in the variable form. */
export interface VariableAttribute {
  readonly type: number;
  readonly bytes: Uint8Array;
}

/** The form that a peer used is kept, so that an answer can repeat its attribute as it came. */
export type Attribute = BasicAttribute | VariableAttribute;

/** The attribute's value as a number, in whichever form it came; undefined for one of more than 4 bytes or of none. */
export function attributeNumber(attribute: Attribute): number | undefined {
  if ('value' in attribute) return attribute.value;
  const { bytes } = attribute;
  if (bytes.length === 0 || bytes.length > 4) return undefined;
  return bytes.reduce((sum, byte) => sum * 256 + byte, 0);
}

/** A number in the basic form where it fits, else in the variable form of 4 bytes. */
export function numberAttribute(type: number, value: number): Attribute {
  if (value <= 0xffff) return { type, value };
  return { type, bytes: Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value) };
}

export function readAttributes(from: Reader): readonly Attribute[] {
  const attributes: Attribute[] = [];
  while (from.left > 0) {
    if (attributes.length === MAX_ATTRIBUTES) throw new Malformed(`more than ${MAX_ATTRIBUTES} attributes`);
    const head = from.u16();
    const type = head & ~ATTRIBUTE_FORMAT_BASIC;
    const valueOrLength = from.u16();
    const basic = (head & ATTRIBUTE_FORMAT_BASIC) !== 0;
    attributes.push(basic ? { type, value: valueOrLength } : { type, bytes: from.bytes(valueOrLength) });
  }
  return attributes;
}

export function writeAttributes(to: Writer, attributes: readonly Attribute[]): void {
  for (const attribute of attributes) {
    if ('value' in attribute) to.u16(attribute.type | ATTRIBUTE_FORMAT_BASIC).u16(attribute.value);
    else to.u16(attribute.type).u16(attribute.bytes.length).bytes(attribute.bytes);
  }
}
