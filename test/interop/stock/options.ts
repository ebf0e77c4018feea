/** What a connection between a stock end and the other end is made of. */

export type Method = 'pap' | 'chap' | 'mschapv2';

/** strongSwan's notation of proposals. */
export interface Ipsec {
  readonly psk: string;
  readonly ike: string;
  readonly esp: string;
}

export interface User {
  readonly name: string;
  readonly password: string;
}

export const IPSEC: Ipsec = {
  psk: 'kE7vR2mQ9xW4tZ6bN8pL',
  ike: 'aes256-sha256-modp2048',
  esp: 'aes256-sha256',
};

export const USERS: readonly User[] = [
  { name: 'alice', password: 'open sesame 7' },
  { name: 'bob', password: 'correct horse 9' },
];
export const USER = USERS[0]!;
