/** What a connection between a stock end and the other end is made of. */

export type Method = 'pap' | 'chap' | 'mschapv2' | 'eap-mschapv2' | 'eap-tls' | 'eap-md5';

/** How long strongSwan lets things live. Seconds. */
export interface Times {
  /** Between which it begins a new Main Mode, and a new Quick Mode, at random. Default: hours. */
  readonly ikeRekey?: readonly [least: number, most: number];
  readonly espRekey?: readonly [least: number, most: number];
  /** Silence after which it asks the peer (DPD), and after which it takes it for dead. Default: never. */
  readonly dpd?: { readonly delay: number; readonly timeout: number };
}

/** In place of the pre-shared key, and for EAP-TLS of pppd. PEM. */
export interface Certificates {
  readonly root: string;
  readonly certificate: string;
  readonly key: string;
  /** What strongSwan states, and what it wants of the other end; default: the subject, and any. */
  readonly identity?: string;
  readonly remoteIdentity?: string;
}

/** strongSwan's notation of proposals. */
export interface Ipsec extends Times {
  /** Of IKE. Default 1. */
  readonly version?: 1 | 2;
  readonly certificates?: Certificates;
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
