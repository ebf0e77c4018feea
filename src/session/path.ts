/** The way to the peer below L2TP: the channel in the data plane, and with IPsec the ESP SAs under it. */

import { type Endpoint, Few, type Instant } from '../core/index.ts';
import type { ChannelId } from '../dataplane/messages.ts';
import type { EspSuite } from '../esp/suite.ts';
import type { Quirk } from '../ike/fingerprint.ts';
import type { ChildClosed, ChildEstablished, ChildSaId } from '../ike/output.ts';
import { milestoneEntry } from './log.ts';
import { type ConnectionOutput, type ToDataPlane, toDataPlane } from './output.ts';
import { PathMtu, type PathMtuRules, type TooBig } from './pathMtu.ts';
import type { Place } from './peerMoves.ts';
import type { SessionRecord } from './record.ts';

interface Child {
  readonly id: ChildSaId;
  readonly inboundSpi: number;
  readonly outboundSpi: number;
  readonly suite: EspSuite;
}

export class Path {
  readonly #channel: ChannelId;
  readonly #record: SessionRecord;
  readonly pathMtu: PathMtu;
  readonly #children = new Few<ChildSaId, Child>();
  /** What is done differently for this peer. */
  quirks: readonly Quirk[] = [];
  #open = false;
  /** The SPI that is sent on. */
  #using: number | undefined;
  #local: Endpoint;
  #remote: Endpoint;

  constructor(channel: ChannelId, record: SessionRecord, rules: PathMtuRules) {
    this.#channel = channel;
    this.#record = record;
    this.pathMtu = new PathMtu(channel, rules);
    this.#local = record.local;
    this.#remote = record.peer;
  }

  get isOpen(): boolean {
    return this.#open;
  }

  get remote(): Endpoint {
    return this.#remote;
  }

  /** How many ESP SA pairs stand. */
  get children(): number {
    return this.#children.size;
  }

  /** What the newest ESP SA encrypts with; undefined without IPsec. */
  get suite(): EspSuite | undefined {
    let suite: EspSuite | undefined;
    for (const child of this.#children.values()) suite = child.suite;
    return suite;
  }

  /** The peer was authenticated at this endpoint. */
  authenticatedAt(local: Endpoint, remote: Endpoint, now: Instant): ConnectionOutput[] {
    const place = this.placeOf(local, remote);
    if (place !== undefined) return this.move(place, now);
    if (!this.#open) this.#remote = remote;
    return [];
  }

  /**
   * Where the channel would go for an authenticated message from `remote`; undefined where it is there already, or
   * where the message came another way than the channel's packets do. Native ESP has no ports.
   * @param told how ESP travels from now on, where IKE has found that out anew
   */
  placeOf(local: Endpoint, remote: Endpoint, told?: 'udp' | 'esp'): Place | undefined {
    const { encapsulation } = this.#record;
    if (!this.#open || encapsulation === 'none') return undefined;
    if (told !== undefined && told !== encapsulation) return { local, remote, encapsulation: told };
    const sameHosts = local.address === this.#local.address && remote.address === this.#remote.address;
    if (encapsulation === 'esp') {
      if (sameHosts) return undefined;
      // IKE tells its own ports, ESP none.
      if (local.port !== 0) return { local, remote };
      return {
        local: { address: local.address, port: this.#local.port },
        remote: { address: remote.address, port: this.#remote.port },
      };
    }
    if (local.port !== this.#local.port || (sameHosts && remote.port === this.#remote.port)) return undefined;
    return { local, remote };
  }

  /** Whether an error that nobody authenticated can be about what goes this way: peer, and ESP SA where it is quoted. */
  concerns({ remote: { address, port }, spi }: TooBig): boolean {
    if (!this.#open || address !== this.#remote.address) return false;
    if (port !== 0 && this.#record.encapsulation !== 'esp' && port !== this.#remote.port) return false;
    // What stands where the SPI of ESP in UDP would is IKE's where ESP has no UDP.
    const isIke = port !== 0 && this.#record.encapsulation === 'esp';
    if (spi === undefined || isIke || this.#children.size === 0) return true;
    for (const child of this.#children.values()) if (child.outboundSpi === spi) return true;
    return false;
  }

  move({ local, remote, encapsulation }: Place, now: Instant): ConnectionOutput[] {
    this.pathMtu.moved(now);
    this.#local = local;
    this.#remote = remote;
    if (encapsulation !== undefined) this.#record.encapsulation = encapsulation;
    const protection = encapsulation === undefined ? {} : { protection: encapsulation };
    return [toDataPlane({ type: 'moveChannel', channel: this.#channel, local, remote, ...protection })];
  }

  openPlain(local: Endpoint, remote: Endpoint): ConnectionOutput[] {
    this.#record.encapsulation = 'none';
    return [this.#openChannel('none', local, remote, local.port, remote.port)];
  }

  /** Installs a pair of ESP SAs; the first opens the channel. */
  install(child: ChildEstablished, now: Instant): ConnectionOutput[] {
    const record = this.#record;
    const out: ConnectionOutput[] = [];
    if (!this.#open) {
      const { local, remote, localSelector, remoteSelector } = child;
      record.encapsulation = child.udpEncapsulation ? 'udp' : 'esp';
      const ports = [localSelector.port || L2TP_PORT, remoteSelector.port || L2TP_PORT] as const;
      out.push(this.#openChannel(record.encapsulation, local, remote, ...ports));
    }
    const { inboundSpi, outboundSpi, mode, suite, inboundKeys, outboundKeys } = child;
    this.#children.set(child.child, { id: child.child, inboundSpi, outboundSpi, suite });
    record.setEsp(suite);
    const shortIcv = this.quirks.includes('sha2-96') ? { shortIcv: true } : {};
    const extended = child.extendedSequence === true ? { extendedSequence: true } : {};
    const sa = { channel: this.#channel, inboundSpi, outboundSpi, mode, suite, inboundKeys, outboundKeys };
    out.push(
      toDataPlane({
        type: 'installSa',
        record: { ...sa, replayWindow: REPLAY_WINDOW, ...byteLimits(child), ...shortIcv, ...extended },
      }),
      milestoneEntry(
        record,
        child.replaces === undefined ? 'ESP SA installed' : 'ESP SA rekeyed',
        now,
        `${record.esp} ${record.encapsulation === 'udp' ? 'in UDP' : 'native'}`,
      ),
    );
    return out;
  }

  /** The peer has the SA: send there. */
  confirm(child: ChildSaId): ConnectionOutput[] {
    const known = this.#children.get(child);
    return known === undefined ? [] : [this.#useSa(known.outboundSpi)];
  }

  /** The peer's traffic came on the SA with this SPI: send there too. */
  used(inboundSpi: number): ConnectionOutput[] {
    for (const child of this.#children.values()) {
      if (child.inboundSpi === inboundSpi) return [this.#useSa(child.outboundSpi)];
    }
    return [];
  }

  /** The child SA that receives with this SPI. */
  childOf(inboundSpi: number): ChildSaId | undefined {
    for (const child of this.#children.values()) if (child.inboundSpi === inboundSpi) return child.id;
    return undefined;
  }

  /** @returns undefined where the SA is not (any more) of this path */
  remove(child: ChildClosed): ConnectionOutput[] | undefined {
    if (!this.#children.delete(child.child)) return undefined;
    const out = [toDataPlane({ type: 'removeSa', inboundSpi: child.inboundSpi })];
    const newest = this.#children.values().at(-1);
    // Whatever crossed between the ends, what is sent goes on: on the newest that is left.
    if (child.outboundSpi === this.#using && newest !== undefined) out.push(this.#useSa(newest.outboundSpi));
    return out;
  }

  close(): ConnectionOutput[] {
    const out: ConnectionOutput[] = [];
    for (const { inboundSpi } of this.#children.values()) out.push(toDataPlane({ type: 'removeSa', inboundSpi }));
    this.#children.clear();
    if (this.#open) out.push(toDataPlane({ type: 'closeChannel', channel: this.#channel }));
    return out;
  }

  #openChannel(
    protection: 'none' | 'udp' | 'esp',
    local: Endpoint,
    remote: Endpoint,
    localL2tpPort: number,
    remoteL2tpPort: number,
  ): ConnectionOutput {
    this.#open = true;
    this.#local = local;
    this.#remote = remote;
    const record = { channel: this.#channel, protection, local, remote, localL2tpPort, remoteL2tpPort };
    return toDataPlane({ type: 'openChannel', record });
  }

  #useSa(outboundSpi: number): ToDataPlane {
    this.#using = outboundSpi;
    return toDataPlane({ type: 'useSa', channel: this.#channel, outboundSpi });
  }
}

/**
 * The initiator renews in time. The responder leaves that to it until the SA has carried all that was agreed, because
 * the two count differently, and only then does it itself. The SA goes when it has carried so much more that a renewal
 * cannot be under way: at 1 Gbit/s the 250 MB of Windows are gone in 2 s, and a lost message costs one.
 */
function byteLimits({ role, lifetimeKilobytes }: ChildEstablished): { renewBytes?: number; mostBytes?: number } {
  if (lifetimeKilobytes === undefined) return {};
  const [renew, most] = role === 'initiator' ? [0.85, 1.5] : [1, 2];
  const bytes = Math.max(lifetimeKilobytes, LEAST_KILOBYTES) * 1024;
  return { renewBytes: bytes * renew, mostBytes: bytes * most };
}

/** A peer that agrees on less than this would have us do nothing but renew. */
const LEAST_KILOBYTES = 1024;
const L2TP_PORT = 1701;
/** Packets that the anti-replay window spans: multi-gigabit paths reorder over hundreds. */
const REPLAY_WINDOW = 2048;
