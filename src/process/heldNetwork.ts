/** What a client has changed on its host: for good while it runs (the kill switch), and for a connection that is up. */

import type { ClientSettings } from '../config/clientSchema.ts';
import type { Failure } from '../core/index.ts';
import type { HostChange } from '../driver/host/change.ts';
import type { RouteTo } from '../driver/netlink/rtnetlink.ts';
import type { ChangedHost } from './changedHost.ts';
import { IKE_PORT, L2TP_PORT } from './clientConfig.ts';
import { currentNetworks, freeTable, killSwitchChanges, localChanges, serverChanges } from './killSwitch.ts';
import { routeTo } from './serverRoute.ts';

/** A connection's way. */
export interface Way {
  readonly server: string;
  readonly way: RouteTo;
}

const UDP = 17;

export class HeldNetwork {
  readonly #settings: ClientSettings;
  readonly #host: ChangedHost;
  /** Of the connection that is up. */
  readonly #tunnel = new Set<HostChange>();
  /** What the kill switch lets pass: to the server, and to the private networks that the host is in. */
  #exceptions = new Map<string, HostChange>();
  /** Name servers of the tunnel that stay while it is down. */
  #heldResolver: HostChange | undefined;
  #server: string | undefined;
  #situation = '';
  /** The kill switch's table of routes, while it stands. */
  table: number | undefined;

  constructor(settings: ClientSettings, host: ChangedHost) {
    this.#settings = settings;
    this.#host = host;
  }

  /** Raises the kill switch where it is wanted, and lets our own packets to this server through it. */
  hold(server: string): Failure | undefined {
    if (!this.#settings.kill_switch) return undefined;
    this.#server = server;
    try {
      return this.#raise();
    } catch (error) {
      return refusal(error instanceof Error ? error.message : String(error));
    }
  }

  /** @throws StartError where there is none */
  wayTo(server: string): RouteTo {
    if (!this.#settings.kill_switch) return routeTo(server);
    return routeTo(server, { protocol: UDP, destinationPort: this.#settings.ipsec ? IKE_PORT : L2TP_PORT });
  }

  /** The way that the host has to the server without the tunnel, which is down from here on; undefined where it has none. */
  newWay(server: string): RouteTo | undefined {
    this.tunnelDown();
    try {
      return this.wayTo(server);
    } catch {
      return undefined;
    }
  }

  tunnelUp(changes: readonly HostChange[], resolver: HostChange | undefined): Failure | undefined {
    const failure = this.#applyAll(changes, this.#tunnel);
    if (failure !== undefined) return failure;
    const held = this.#heldResolver;
    if (held !== undefined && JSON.stringify(held) === JSON.stringify(resolver)) return undefined;
    this.#heldResolver = undefined;
    if (held !== undefined) this.#host.withdraw((change) => change === held);
    if (resolver === undefined) return undefined;
    // What systemd-resolved knows of a device goes with the device; only a file can be held.
    const stays = this.#settings.kill_switch && resolver.kind === 'resolver';
    if (stays) this.#heldResolver = resolver;
    return this.#applyAll([resolver], stays ? new Set() : this.#tunnel);
  }

  /** Further changes of the connection that is up. */
  tunnelMore(changes: readonly HostChange[]): Failure | undefined {
    return this.#applyAll(changes, this.#tunnel);
  }

  /** The kill switch and its name servers stay. */
  tunnelDown(): void {
    if (this.#tunnel.size > 0) this.#host.withdraw((change) => this.#tunnel.has(change));
    this.#tunnel.clear();
  }

  /** Remembers what the network looks like with our own changes in it. */
  noteSituation(current: Way | undefined): void {
    this.#situation = this.#describe(current).text;
  }

  /** @returns what became of the way; undefined where nothing changed that matters, or there is no network at all */
  look(current: Way | undefined): 'same' | 'gone' | undefined {
    const { text, usable, gone } = this.#describe(current);
    if (text === this.#situation) return undefined;
    this.#situation = text;
    if (this.table !== undefined) this.#except();
    if (current === undefined) return usable ? 'same' : undefined;
    return gone ? 'gone' : 'same';
  }

  /** Whether all IPv4 traffic goes through the tunnel, and IPv6 does not. */
  ipv6GoesAround(): boolean {
    if (!this.#settings.default_route || this.#settings.kill_switch) return false;
    try {
      return !routeTo(SOMEWHERE_IPV6).local;
    } catch {
      return false;
    }
  }

  #raise(): Failure | undefined {
    const failure = this.#except();
    if (failure !== undefined) return refusal(failure.reason);
    if (this.table !== undefined) return undefined;
    const table = freeTable();
    const made = new Set<HostChange>();
    const refused = this.#applyAll(killSwitchChanges(this.#settings, table), made);
    if (refused === undefined) {
      this.table = table;
      return undefined;
    }
    this.#host.withdraw((change) => made.has(change));
    return refusal(refused.reason);
  }

  /** Makes exactly the exceptions that are right now: new ones before old ones go. */
  #except(): Failure | undefined {
    const { links, addresses } = currentNetworks();
    const toServer = this.#server === undefined ? [] : serverChanges(this.#settings, this.#server);
    const next = new Map<string, HostChange>();
    for (const change of [...toServer, ...localChanges(this.#settings, links, addresses)]) {
      const key = JSON.stringify(change);
      const standing = this.#exceptions.get(key);
      const failure = standing === undefined ? this.#host.apply(change) : undefined;
      if (failure !== undefined) return failure;
      next.set(key, standing ?? change);
    }
    const old = new Set([...this.#exceptions].filter(([key]) => !next.has(key)).map(([, change]) => change));
    this.#exceptions = next;
    if (old.size > 0) this.#host.withdraw((change) => old.has(change));
    return undefined;
  }

  #describe(current: Way | undefined): { text: string; usable: boolean; gone: boolean } {
    const { links, addresses } = currentNetworks();
    const inner = new Set(links.filter(({ kind }) => kind === 'tun').map(({ name }) => name));
    const loopback = new Set(links.filter((link) => link.loopback).map(({ name }) => name));
    const outside = addresses.filter(({ device }) => !inner.has(device));
    const up = links.filter((link) => link.up && !inner.has(link.name)).map(({ name }) => name);
    const way = current === undefined ? undefined : this.#currentWay(current.server);
    const text = JSON.stringify([up, outside, way?.device, way?.gateway, way?.source]);
    const usable = outside.some(({ device }) => !loopback.has(device));
    const kept = current === undefined || outside.some(({ address }) => address === current.way.source);
    return { text, usable, gone: !kept || way === undefined || inner.has(way.device) };
  }

  #currentWay(server: string): RouteTo | undefined {
    try {
      return this.wayTo(server);
    } catch {
      return undefined;
    }
  }

  /** @param made is given what was made */
  #applyAll(changes: readonly HostChange[], made: Set<HostChange>): Failure | undefined {
    for (const change of changes) {
      const failure = this.#host.apply(change);
      if (failure !== undefined) return failure;
      made.add(change);
    }
    return undefined;
  }
}

const refusal = (reason: string): Failure => ({
  code: 'kill-switch-failed',
  reason: `the kill switch cannot be raised: ${reason}`,
  remedy: 'The kernel needs policy routing (CONFIG_IP_MULTIPLE_TABLES) for it.',
});

/** Of the documentation's prefix, which nobody has: a route to it is a route to the rest of the world. */
const SOMEWHERE_IPV6 = '2001:db8::1';
