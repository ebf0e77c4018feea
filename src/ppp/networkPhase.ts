/** The Network-Layer Protocol phase of a link: IPCP, without which it is of no use, and IPV6CP beside it. RFC 1661 §3.7. */

import type { Environment, Failure, Instant } from '../core/index.ts';
import type { NetworkConfig, Settings } from './config.ts';
import { BAD_ADDRESS } from './failures.ts';
import { Protocol } from './frame.ts';
import { Ipcp, type IpcpOwner } from './ipcp.ts';
import { Ipv6cp, type Ipv6cpOwner } from './ipv6cp.ts';
import type { Line } from './line.ts';
import { identifierText } from './options/interfaceIdentifier.ts';
import { isIpv4 } from './options/ipAddress.ts';
import type { NetworkUp, PppClosed, PppOutput } from './output.ts';
import type { Packet } from './packet.ts';

/** Packets kept while authentication is not through; a peer has no reason to send more than two of each protocol. */
export const KEPT_PACKETS = 4;

export interface NetworkPhaseOwner {
  emit(output: PppOutput): void;
  milestone(name: string, detail?: string): void;
  /** IPv4 is up, or gone while the link stands. */
  ipv4Changed(isUp: boolean, now: Instant): void;
  ipcpFailed(reason: Failure, by: PppClosed['by'], now: Instant): void;
}

export class NetworkPhase implements IpcpOwner, Ipv6cpOwner {
  readonly #settings: Settings;
  readonly #random: Environment['random'];
  readonly #line: Line;
  readonly #owner: NetworkPhaseOwner;
  #ipcp: Ipcp | undefined;
  #ipv6cp: Ipv6cp | undefined;
  #kept: { readonly protocol: number; readonly packet: Packet }[] = [];
  #ipv4IsUp = false;
  #ipv6IsUp = false;

  constructor(settings: Settings, random: Environment['random'], line: Line, owner: NetworkPhaseOwner) {
    this.#settings = settings;
    this.#random = random;
    this.#line = line;
    this.#owner = owner;
  }

  get isOpen(): boolean {
    return this.#ipcp !== undefined;
  }

  get ipv4IsUp(): boolean {
    return this.#ipv4IsUp;
  }

  /** Whether packets of the protocol are for this phase, now or, perhaps, once it is open. */
  speaks(protocol: number): boolean {
    if (protocol === Protocol.IPCP) return true;
    return protocol === Protocol.IPV6CP && (!this.isOpen || this.#ipv6cp !== undefined);
  }

  /** Begins, with the addresses known. */
  open(network: NetworkConfig, now: Instant): void {
    if (![network.localAddress, network.peerAddress].every((address) => address === undefined || isIpv4(address))) {
      this.#owner.ipcpFailed(BAD_ADDRESS, 'local', now);
      return;
    }
    this.#ipcp = new Ipcp(network, this.#settings, this.#line, this);
    if (network.ipv6) this.#ipv6cp = new Ipv6cp(this.#settings, this.#random, this.#line, this);
    this.#ipcp.control.up(now);
    this.#ipv6cp?.control.up(now);
    const kept = this.#kept;
    this.#kept = [];
    for (const { protocol, packet } of kept) this.receive(protocol, packet, now);
  }

  /** Keeps a packet that came before the phase: it may overtake the judging, and would cost a Restart timer. */
  keep(protocol: number, packet: Packet): boolean {
    if (this.#kept.filter((kept) => kept.protocol === protocol).length >= KEPT_PACKETS) return false;
    this.#kept.push({ protocol, packet: { ...packet, data: packet.data.slice() } });
    return true;
  }

  receive(protocol: number, packet: Packet, now: Instant): void {
    if (protocol === Protocol.IPCP) this.#ipcp?.control.receive(packet, now);
    else this.#ipv6cp?.control.receive(packet, now);
  }

  expire(timer: 'ipcp' | 'ipv6cp', now: Instant): void {
    if (timer === 'ipcp') this.#ipcp?.control.expire(now);
    else this.#ipv6cp?.control.expire(now);
  }

  /** The peer knows no IPv6. */
  ipv6Rejected(now: Instant): void {
    if (this.#ipv6cp !== undefined) this.ipv6Failed(REJECTED, now);
  }

  /** LCP is down: all of it begins anew. */
  down(now: Instant): void {
    this.#ipcp?.control.down(now);
    this.#ipv6cp?.control.down(now);
    this.#ipcp = undefined;
    this.#ipv6cp = undefined;
    this.#kept = [];
    this.#line.timers.clear('ipcp');
    this.#line.timers.clear('ipv6cp');
  }

  /** The link is finished: says what is down with it. */
  finish(): void {
    if (this.#ipv6IsUp) this.#owner.emit({ type: 'ipv6Down' });
    if (this.#ipv4IsUp) this.#owner.emit({ type: 'networkDown', family: 'ipv4' });
  }

  networkUp(network: NetworkUp, now: Instant): void {
    this.#ipv4IsUp = true;
    this.#owner.ipv4Changed(true, now);
    this.#owner.milestone('IPCP opened', `local ${network.localAddress}, peer ${network.peerAddress}`);
    this.#owner.emit(network);
  }

  networkDown(now: Instant): void {
    if (!this.#ipv4IsUp) return;
    this.#ipv4IsUp = false;
    this.#owner.ipv4Changed(false, now);
    this.#owner.emit({ type: 'networkDown', family: 'ipv4' });
  }

  ipcpFailed(reason: Failure, by: PppClosed['by'], now: Instant): void {
    this.#owner.ipcpFailed(reason, by, now);
  }

  ipv6Up(local: Uint8Array, peer: Uint8Array): void {
    this.#ipv6IsUp = true;
    this.#owner.milestone('IPV6CP opened', `local ${identifierText(local)}, peer ${identifierText(peer)}`);
    this.#owner.emit({ type: 'ipv6Up', localIdentifier: local, peerIdentifier: peer });
  }

  ipv6Down(): void {
    if (!this.#ipv6IsUp) return;
    this.#ipv6IsUp = false;
    this.#owner.emit({ type: 'ipv6Down' });
  }

  /** The link goes on with IPv4 alone. */
  ipv6Failed(failure: Failure, _now: Instant): void {
    this.ipv6Down();
    this.#ipv6cp = undefined;
    this.#line.timers.clear('ipv6cp');
    this.#owner.milestone('no IPv6', failure.reason);
  }
}

const REJECTED: Failure = { code: 'ipv6cp-rejected', reason: 'The peer has no IPv6 on this connection.' };
