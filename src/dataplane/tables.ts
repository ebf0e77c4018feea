/** Channels, security associations and sessions as the control plane installs them, and how packets find them. */

import type { Endpoint, Environment } from '../core/index.ts';
import { EspError, type EspSuite, InboundSa, type NewPacketCipher, OutboundSa, RandomPool } from '../esp/index.ts';
import { PrefixTable } from '../net/index.ts';
import { Channel, type SaPair } from './channel.ts';
import type { PathContext } from './context.ts';
import {
  type ChannelId,
  type ChannelRecord,
  COUNTERS_PER_SESSION,
  type InnerPath,
  type SaRecord,
  type SessionParameters,
  type SessionSlot,
  type TunnelSessionParameters,
} from './messages.ts';
import { isFrom, remoteHash } from './peer.ts';
import type { Source } from './ports.ts';
import type { Second } from './second.ts';
import { Session } from './session.ts';

/** HMAC-SHA2-256 as draft-ietf-ipsec-ciph-sha-256-00 truncated it. */
const SHORT_ICV_BYTES = 12;
/** Packets that are looked at for it: each costs the set-up of a cipher. */
const MOST_SHORT_TRIES = 16;

export class Tables {
  readonly #second: Second;
  readonly #newCipher: NewPacketCipher;
  readonly #random: RandomPool;
  readonly #counters: Float64Array;
  readonly #channels = new Map<ChannelId, Channel>();
  /** Unprotected channels by a hash of the remote end. */
  readonly #plain = new Map<number, Channel[]>();
  /** By inbound SPI as a signed 32-bit number. */
  readonly #sas = new Map<number, SaPair>();
  readonly #slots = new Map<SessionSlot, Session>();
  /** By inner address as a signed 32-bit number. */
  readonly #byAddress = new Map<number, Session>();
  readonly #byPrefix = new PrefixTable<Session>();
  /** Sessions in whose reorder queues messages wait. */
  readonly waiting = new Set<Session>();
  /** Where packets go that no address claims: the client's one session. */
  #default: Session | undefined;
  #installed = 0;
  readonly #suites: EspSuite[] = [];

  constructor({ second, counters }: PathContext, newCipher: NewPacketCipher, environment: Environment) {
    this.#second = second;
    this.#counters = counters;
    this.#newCipher = newCipher;
    this.#random = new RandomPool(environment);
  }

  channel(id: ChannelId): Channel | undefined {
    return this.#channels.get(id);
  }

  /** @param spi signed 32-bit number */
  sa(spi: number): SaPair | undefined {
    return this.#sas.get(spi);
  }

  /** The session that packets to an inner address go into. */
  route(address: number): Session | undefined {
    return this.#byAddress.get(address) ?? this.#default;
  }

  /** As `route`, but only another client of this gateway. */
  client(address: number): Session | undefined {
    return this.#byAddress.get(address);
  }

  /** As `route`, for the 16 bytes at `at`. */
  route6(bytes: Uint8Array, at: number): Session | undefined {
    return this.#byPrefix.find(bytes, at) ?? this.#default;
  }

  /** As `client`, for the 16 bytes at `at`. */
  client6(bytes: Uint8Array, at: number): Session | undefined {
    return this.#byPrefix.find(bytes, at);
  }

  session(slot: SessionSlot): Session | undefined {
    return this.#slots.get(slot);
  }

  /** The unprotected channel of a datagram's source. */
  plain(source: Source): Channel | undefined {
    const channels = this.#plain.get(remoteHash(source.family, source.remote, source.remotePort));
    if (channels === undefined) return undefined;
    for (let i = 0; i < channels.length; i++) if (isFrom(source, channels[i]!.peer)) return channels[i];
    return undefined;
  }

  /** A channel of the same id is closed first. */
  openChannel(record: ChannelRecord): void {
    const channel = new Channel(record, this.#second);
    this.closeChannel(record.channel);
    this.#channels.set(channel.id, channel);
    this.#addPlain(channel);
  }

  moveChannel(id: ChannelId, local: Endpoint, remote: Endpoint, protection?: 'udp' | 'esp'): void {
    const channel = this.#channels.get(id);
    if (channel === undefined) return;
    this.#removePlain(channel);
    try {
      channel.move(local, remote, protection);
    } finally {
      this.#addPlain(channel);
    }
  }

  /** Its SAs and sessions go with it. */
  closeChannel(id: ChannelId): void {
    const channel = this.#channels.get(id);
    if (channel === undefined) return;
    for (const pair of channel.sas) this.#removeSa(pair);
    for (const session of channel.sessions) this.closeSession(session.slot);
    if (channel.tunnelSession !== undefined) this.closeSession(channel.tunnelSession.slot);
    this.#removePlain(channel);
    this.#channels.delete(id);
  }

  /** @throws RangeError for keys that do not fit the suite, or an SPI that is in use */
  installSa(record: SaRecord): void {
    const channel = this.#channels.get(record.channel);
    if (channel === undefined) return;
    if (this.#sas.has(record.inboundSpi | 0)) throw new RangeError('the inbound SPI is installed already');
    const { inboundSpi, outboundSpi, inboundKeys, outboundKeys, replayWindow, extendedSequence = false } = record;
    const suite = this.#shared(record.suite);
    const newCipher = this.#newCipher;
    const random = this.#random;
    const common = { suite, newCipher, extendedSequence };
    const pair: SaPair = {
      channel,
      inbound: new InboundSa({ ...common, spi: inboundSpi, keys: inboundKeys, replayWindow }),
      outbound: new OutboundSa({ ...common, spi: outboundSpi, keys: outboundKeys, random }),
      unpinned:
        record.shortIcv === true && !extendedSequence && suite.integrity === 'hmac-sha2-256-128' ? record : undefined,
      shortTries: 0,
      isTunnelMode: record.mode === 'tunnel',
      age: ++this.#installed,
      received: 0,
      sent: 0,
      tellAt: record.renewBytes ?? record.mostBytes ?? Number.POSITIVE_INFINITY,
      mostBytes: record.mostBytes ?? Number.POSITIVE_INFINITY,
      usedTold: false,
      expiringTold: false,
      exhaustedTold: false,
    };
    channel.sas = channel.sas.concat(pair);
    this.#sas.set(inboundSpi | 0, pair);
  }

  /**
   * Opens the first packet of a pair as one with an ICV of 96 bits; if it is authentic, that is how the pair goes on.
   * @returns as `InboundSa.open`
   */
  openShort(pair: SaPair, bytes: Uint8Array, at: number, length: number, outAt: number): number {
    const record = pair.unpinned;
    if (record === undefined) return EspError.truncated;
    const { suite, inboundSpi, outboundSpi, inboundKeys, outboundKeys, replayWindow } = record;
    const newCipher = this.#newCipher;
    const icvBytes = SHORT_ICV_BYTES;
    const inbound = new InboundSa({ spi: inboundSpi, suite, keys: inboundKeys, newCipher, replayWindow, icvBytes });
    const payload = inbound.open(bytes, at, length, bytes, outAt);
    if (payload < 0) {
      inbound.close();
      if (++pair.shortTries >= MOST_SHORT_TRIES) pair.unpinned = undefined;
      return payload;
    }
    const { sequence } = pair.outbound;
    const random = this.#random;
    pair.inbound.close();
    pair.outbound.close();
    pair.inbound = inbound;
    pair.outbound = new OutboundSa({
      ...{ spi: outboundSpi, suite, keys: outboundKeys, newCipher, random },
      ...{ icvBytes, sequence },
    });
    return payload;
  }

  useSa(id: ChannelId, outboundSpi: number): void {
    const channel = this.#channels.get(id);
    if (channel === undefined) return;
    for (const pair of channel.sas) if (pair.outbound.spi === outboundSpi) channel.sending = pair;
  }

  removeSa(inboundSpi: number): void {
    const pair = this.#sas.get(inboundSpi | 0);
    if (pair !== undefined) this.#removeSa(pair);
  }

  /**
   * A session of the same slot or ids is closed first; packets to the same address go the newer way. Its numbering
   * of data messages goes on where the same session was open; the counters of the slot start from 0.
   * @throws RangeError for a slot beyond the counters
   */
  openSession(parameters: SessionParameters): void {
    const channel = this.#channels.get(parameters.channel);
    if (channel === undefined) return;
    const session = this.#newSession(parameters, channel);
    const sameIds = channel.sessions.get(session.ids);
    if (sameIds?.peerIds === session.peerIds) session.sequence = sameIds.sequence;
    if (sameIds !== undefined) this.closeSession(sameIds.slot);
    this.#place(session);
    channel.sessions.add(session);
    channel.setNextSequence(session.peerIds, undefined);
  }

  /**
   * A session of the same slot, or of the same channel, is closed first; packets to the same address go the newer way.
   * @throws RangeError for a slot beyond the counters, or for addresses that do not read
   */
  openTunnelSession(parameters: TunnelSessionParameters): void {
    const channel = this.#channels.get(parameters.channel);
    if (channel === undefined) return;
    const session = this.#newSession(parameters, channel);
    if (channel.tunnelSession !== undefined) this.closeSession(channel.tunnelSession.slot);
    this.#place(session);
    channel.tunnelSession = session;
  }

  /** @throws RangeError for addresses that do not read; then nothing has changed */
  changeSession(slot: SessionSlot, inner: InnerPath): void {
    const session = this.#slots.get(slot);
    if (session === undefined) return;
    const { address, prefixes } = session;
    session.change(inner, this.#second.now);
    this.#forgetAddresses(session, address, prefixes);
    this.#addAddresses(session);
  }

  closeSession(slot: SessionSlot): void {
    const session = this.#slots.get(slot);
    if (session === undefined) return;
    const { channel } = session;
    this.#slots.delete(slot);
    this.waiting.delete(session);
    if (session.isTunnel) {
      if (channel.tunnelSession === session) channel.tunnelSession = undefined;
    } else channel.sessions.delete(session.ids);
    this.#forgetAddresses(session, session.address, session.prefixes);
  }

  /** Gives all ciphers back. */
  close(): void {
    for (const id of this.#channels.keys()) this.closeChannel(id);
  }

  /** Those in use, each once: what comes from another thread is a copy of its own. */
  #shared(suite: EspSuite): EspSuite {
    const { encryption, keyBits, integrity } = suite;
    const isSame = (other: EspSuite) =>
      other.encryption === encryption && other.keyBits === keyBits && other.integrity === integrity;
    const known = this.#suites.find(isSame);
    if (known !== undefined) return known;
    this.#suites.push(suite);
    return suite;
  }

  #newSession(parameters: SessionParameters | TunnelSessionParameters, channel: Channel): Session {
    const session = new Session(parameters, channel, this.#second.now);
    const end = session.counter + COUNTERS_PER_SESSION;
    if (session.slot < 0 || end > this.#counters.length) throw new RangeError(`no counters for slot ${session.slot}`);
    return session;
  }

  #place(session: Session): void {
    this.closeSession(session.slot);
    this.#counters.fill(0, session.counter, session.counter + COUNTERS_PER_SESSION);
    this.#slots.set(session.slot, session);
    this.#addAddresses(session);
  }

  #addAddresses(session: Session): void {
    if (session.isDefault) this.#default = session;
    if (session.address !== undefined) this.#byAddress.set(session.address, session);
    for (const prefix of session.prefixes ?? []) this.#byPrefix.set(prefix, session);
  }

  #forgetAddresses(session: Session, address: number | undefined, prefixes: Session['prefixes']): void {
    if (this.#default === session) this.#default = undefined;
    if (address !== undefined && this.#byAddress.get(address) === session) this.#byAddress.delete(address);
    for (const prefix of prefixes ?? []) this.#byPrefix.delete(prefix, session);
  }

  #removeSa(pair: SaPair): void {
    const { channel, inbound, outbound } = pair;
    this.#sas.delete(inbound.spi | 0);
    channel.sas = channel.sas.filter((other) => other !== pair);
    if (channel.sending === pair) channel.sending = undefined;
    inbound.close();
    outbound.close();
  }

  #addPlain(channel: Channel): void {
    if (channel.protection !== 'none') return;
    const { family, remote, remotePort } = channel.peer;
    const hash = remoteHash(family, remote, remotePort);
    const channels = this.#plain.get(hash);
    if (channels === undefined) this.#plain.set(hash, [channel]);
    else channels.unshift(channel);
  }

  #removePlain(channel: Channel): void {
    if (channel.protection !== 'none') return;
    const { family, remote, remotePort } = channel.peer;
    const hash = remoteHash(family, remote, remotePort);
    const left = this.#plain.get(hash)?.filter((other) => other !== channel) ?? [];
    if (left.length === 0) this.#plain.delete(hash);
    else this.#plain.set(hash, left);
  }
}
