/** What both roles of Quick Mode do with its messages: protect, open, verify, and make the child SA. RFC 2409 §5.5. */

import type { Instant } from '../../core/index.ts';
import type { GroupName, KeyPair } from '../../crypto/index.ts';
import type { ChosenEsp } from '../choose.ts';
import { find, type PayloadChain } from '../message.ts';
import { originalAddressPayload } from '../natDetection.ts';
import type { Selector } from '../output.ts';
import { type Payload, ProtocolId } from '../payloads/index.ts';
import type { Arrival, Refusal } from './arrival.ts';
import { type Child, installChild } from './childSa.ts';
import type { Context } from './context.ts';
import type { IkeSa, Secured } from './ikeSa.ts';
import { espKeys, type Nonces } from './keys.ts';
import { decryptMessage } from './message.ts';
import { breach, type MessageName, messageTable } from './messageTable.ts';
import { encapsulates, followPath } from './natTraversal.ts';
import type { QuickMode } from './quickMode.ts';
import { prepare, traceIn } from './transmission.ts';

/** What a KE payload in Quick Mode brought. */
export interface Pfs {
  readonly group: GroupName;
  readonly keyPair: KeyPair;
  readonly secret: Uint8Array;
}

export const badHash: Refusal = { code: 'bad-hash', reason: 'the HASH payload does not verify' };

/** Decrypts and holds against the table. */
export function open(context: Context, { keys }: Secured, iv: Uint8Array, { message }: Arrival, name: MessageName) {
  const { message: chain, nextIv } = decryptMessage(context.crypto, keys.cipher, iv, message);
  const reason = breach(messageTable[name], chain);
  return reason === undefined ? { chain: chain as PayloadChain, nextIv } : { code: 'unexpected-payload', reason };
}

export const verifies = (context: Context, chain: PayloadChain, expected: Uint8Array): boolean =>
  context.crypto.equal(find(chain, 'HASH')!.data, expected);

/** A message is known to come from the peer. */
export function accepted(
  context: Context,
  sa: IkeSa,
  { message, datagram, digest }: Arrival,
  chain: PayloadChain,
  name: MessageName,
  now: Instant,
): void {
  followPath(context, sa, datagram);
  sa.lastAlive = now;
  sa.unconfirmed = undefined;
  sa.answered.remember(digest, undefined, now);
  traceIn(context, sa, messageTable[name], chain, message);
}

export function protect(
  context: Context,
  sa: IkeSa,
  quickMode: QuickMode,
  name: MessageName,
  payloads: readonly Payload[],
  cipher: Secured['keys']['cipher'],
) {
  const message = prepare(context, sa, name, payloads, { cipher, iv: quickMode.iv }, quickMode.messageId);
  quickMode.iv = message.nextIv;
  return message;
}

export function install(
  context: Context,
  sa: IkeSa,
  keys: Secured['keys'],
  given: {
    readonly role: 'initiator' | 'responder';
    readonly chosen: ChosenEsp;
    readonly spi: number;
    readonly local: Selector;
    readonly remote: Selector;
    readonly nonces: Nonces;
    readonly pfs: Pfs | undefined;
  },
  now: Instant,
): Child {
  const { role, chosen, spi, local, remote, nonces, pfs } = given;
  const sharedSecret = pfs === undefined ? {} : { sharedSecret: pfs.secret };
  const seed = { protocol: ProtocolId.PROTO_IPSEC_ESP, nonces, ...sharedSecret };
  const inboundKeys = espKeys(context.crypto, keys, seed, spi, chosen.suite);
  const outboundKeys = espKeys(context.crypto, keys, seed, chosen.peerSpi, chosen.suite);
  const group = pfs === undefined ? {} : { pfs: pfs.group };
  const selectors = { localSelector: local, remoteSelector: remote };
  return installChild(
    context,
    sa,
    { role, chosen, inboundSpi: spi, inboundKeys, outboundKeys, ...selectors, ...group },
    now,
  );
}

export const keyPayloads = (keyPair: KeyPair | undefined): Payload[] =>
  keyPair === undefined ? [] : [{ kind: 'KE', data: keyPair.publicValue }];

/** The addresses before translation, the initiator's first: for the transport mode behind NAT. RFC 3947 §5.2. */
export function originalAddresses(context: Context, sa: IkeSa, role: 'initiator' | 'responder'): Payload[] {
  const { natTraversal } = sa.abilities;
  if (natTraversal === undefined || !encapsulates(context, sa)) return [];
  const hosts = role === 'initiator' ? [sa.local, sa.remote] : [sa.remote, sa.local];
  return hosts.map(({ address }) => originalAddressPayload(address, natTraversal));
}

export const spiBytes = (spi: number) => Uint8Array.of(spi >>> 24, spi >>> 16, spi >>> 8, spi);
