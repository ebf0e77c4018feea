/** The lab of one run: its folder, its network, and the machines in it, each made when first asked for. */

import { randomBytes } from 'node:crypto';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Guest } from './guest/guest.ts';
import { Wire } from './ikev2/wire.ts';
import { OurClient, OurGateway } from './ours.ts';
import { StockClient } from './stock/client.ts';
import type { StockPeer } from './stock/peer.ts';
import { StockServer } from './stock/server.ts';
import { type Namespace, type Place, removeLabNamespaces, removeStaleNamespaces, Topology } from './topology.ts';

export const PAYLOAD_BYTES = 20_000_000;
const FOLDER_PREFIX = 'sallyport-lab-';

/** The outer addresses. Client 1 and client 2 are behind the router, client 3 is behind the home router. */
export const ADDRESSES = {
  stockServer: '10.71.2.2',
  ourGateway: '10.71.2.3',
  clients: { 1: '10.71.1.2', 2: '10.71.1.3', 3: '10.71.1.2' },
  ourClients: { 1: '10.71.1.4', 2: '10.71.1.5', 3: '10.71.1.4' },
} as const;

export type Which = 1 | 2 | 3;

export class Lab {
  readonly topology: Topology;
  readonly folder: string;
  readonly #stock = new Map<string, StockPeer>();
  readonly #namespaces = new Map<string, { namespace: Namespace; address: string; place: Place }>();
  readonly #ours: (OurGateway | OurClient)[] = [];
  readonly #wires: Wire[] = [];

  private constructor(topology: Topology, folder: string) {
    this.topology = topology;
    this.folder = folder;
  }

  static async create(): Promise<Lab> {
    await removeStaleNamespaces();
    removeStaleFolders();
    const folder = mkdtempSync(join(tmpdir(), `${FOLDER_PREFIX}${process.pid}-`));
    writeFileSync(join(folder, 'payload'), randomBytes(PAYLOAD_BYTES));
    for (const script of ['httpServer.pl', 'meter.pl']) {
      copyFileSync(fileURLToPath(new URL(script, import.meta.url)), join(folder, script));
    }
    try {
      return new Lab(await Topology.create(folder), folder);
    } catch (error) {
      await removeLabNamespaces(process.pid);
      rmSync(folder, { recursive: true, force: true });
      throw error;
    }
  }

  async stockClient(which: Which = 1): Promise<StockClient> {
    return this.#guest(
      `stock-client-${which}`,
      ADDRESSES.clients[which],
      placeOf(which),
      (guest) => new StockClient(guest),
    );
  }

  async stockServer(): Promise<StockServer> {
    return this.#guest('stock-server', ADDRESSES.stockServer, 'router', (guest) => new StockServer(guest));
  }

  /** Our gateway, stopped; `start` it with what the case needs. */
  async ourGateway(): Promise<OurGateway> {
    const namespace = await this.#namespace('our-gateway', ADDRESSES.ourGateway, 'router');
    return this.#keep(new OurGateway(namespace, this.#subfolder('our-gateway'), ADDRESSES.ourGateway));
  }

  async ourClient(which: Which = 1): Promise<OurClient> {
    const label = `our-client-${which}`;
    const namespace = await this.#namespace(label, ADDRESSES.ourClients[which], placeOf(which));
    return this.#keep(new OurClient(namespace, this.#subfolder(label)));
  }

  /** A server and a client of a case alone, without guests. */
  async wire(): Promise<Wire> {
    const wire = await Wire.create(this.folder);
    this.#wires.push(wire);
    return wire;
  }

  /** Takes a guest away, as a power cut does. The next case that asks for it gets a new one. */
  async powerOff(peer: StockPeer): Promise<void> {
    await peer.guest.stop();
    this.#stock.delete(peer.name);
  }

  /** Ends our processes and resets the stock peers, after each case. */
  async clean(): Promise<void> {
    await Promise.all(this.#ours.splice(0).map((end) => end.kill()));
    await Promise.all(this.#wires.splice(0).map((wire) => wire.remove()));
    await Promise.all([...this.#stock.values()].map((peer) => peer.reset()));
  }

  /** After a failure: guests and namespaces are made anew when next asked for. */
  async discard(): Promise<void> {
    await Promise.all(this.#ours.splice(0).map((end) => end.kill()));
    await Promise.all(this.#wires.splice(0).map((wire) => wire.remove()));
    await Promise.all([...this.#stock.values()].map((peer) => peer.guest.stop()));
    this.#stock.clear();
    for (const { namespace, address, place } of this.#namespaces.values()) {
      await this.topology.removeMachine(namespace, address, place);
    }
    this.#namespaces.clear();
  }

  /** The logs of everything that ran, by name of the machine. */
  async logs(): Promise<Map<string, string>> {
    const logs = new Map<string, string>();
    for (const end of this.#ours) logs.set(end.name, end.logs());
    for (const wire of this.#wires) for (const [name, log] of wire.logs()) logs.set(name, log);
    for (const [name, peer] of this.#stock) {
      logs.set(name, await peer.logs().catch((error: unknown) => `${error}\n${peer.guest.console()}`));
    }
    return logs;
  }

  async remove(): Promise<void> {
    await this.discard();
    await this.topology.remove();
    rmSync(this.folder, { recursive: true, force: true });
  }

  async #guest<Peer extends StockPeer>(
    name: string,
    address: string,
    place: Place,
    make: (guest: Guest) => Peer,
  ): Promise<Peer> {
    const known = this.#stock.get(name);
    if (known !== undefined) return known as Peer;
    const link = await this.topology.addTap(address, place);
    const peer = make(await Guest.boot(name, this.#subfolder(name, true), this.folder, link));
    this.#stock.set(name, peer);
    return peer;
  }

  async #namespace(label: string, address: string, place: Place): Promise<Namespace> {
    const known = this.#namespaces.get(label);
    if (known !== undefined) return known.namespace;
    const namespace = await this.topology.addMachine(label, address, place);
    this.#namespaces.set(label, { namespace, address, place });
    return namespace;
  }

  #keep<End extends OurGateway | OurClient>(end: End): End {
    this.#ours.push(end);
    return end;
  }

  #subfolder(name: string, fresh = false): string {
    const folder = join(this.folder, name);
    if (fresh) rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    return folder;
  }
}

function placeOf(which: Which): Place {
  return which === 3 ? 'homeRouter' : 'router';
}

/** Folders of runs whose process is gone. */
function removeStaleFolders(): void {
  for (const name of readdirSync(tmpdir())) {
    if (!name.startsWith(FOLDER_PREFIX)) continue;
    const pid = Number.parseInt(name.slice(FOLDER_PREFIX.length), 10);
    try {
      process.kill(pid, 0);
    } catch {
      rmSync(join(tmpdir(), name), { recursive: true, force: true });
    }
  }
}
