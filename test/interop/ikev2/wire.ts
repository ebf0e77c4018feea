/**
 * Two namespaces joined by a link of their own, for one case: a server at 10.72.0.1 and a client at 10.72.0.2. Cases with
 * wires of their own run side by side. There is no default route: nothing finds the inner addresses past the tunnel.
 */

import { copyFileSync, linkSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Lab } from '../lab.ts';
import { host, sh } from '../process.ts';
import { LAB_NAMESPACES, Namespace, removeNamespace } from '../topology.ts';

export const SERVER = '10.72.0.1';
export const CLIENT = '10.72.0.2';
/** Where a client moves to. */
export const CLIENT_LATER = '10.72.0.3';

let made = 0;

export class Wire {
  readonly server: Namespace;
  readonly client: Namespace;
  readonly #folder: string;

  private constructor(label: string, folder: string) {
    this.#folder = folder;
    const name = (side: string) => `${LAB_NAMESPACES}${process.pid}-${label}-${side}`;
    this.server = new Namespace(name('server'), this.folderOf('server'));
    this.client = new Namespace(name('client'), this.folderOf('client'));
  }

  static async create(lab: Lab): Promise<Wire> {
    const label = `wire${++made}`;
    const wire = new Wire(label, join(lab.folder, label));
    const { server, client } = wire;
    for (const { lab: folder } of [server, client]) {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      linkSync(join(lab.folder, 'payload'), join(folder, 'payload'));
      for (const script of ['httpServer.pl', 'meter.pl']) copyFileSync(join(lab.folder, script), join(folder, script));
    }
    await sh(
      host,
      `set -e
      for name in ${server.name} ${client.name}; do
        ip netns add $name
        ip -n $name link set lo up
      done
      ip -n ${server.name} link add eth0 type veth peer name eth0 netns ${client.name}
      ip -n ${server.name} address add ${SERVER}/24 dev eth0
      ip -n ${client.name} address add ${CLIENT}/24 dev eth0
      ip -n ${server.name} link set eth0 up
      ip -n ${client.name} link set eth0 up`,
    );
    return wire;
  }

  folderOf(side: 'server' | 'client'): string {
    return join(this.#folder, side);
  }

  /** The client's network card has another address from now on. */
  async moveClient(): Promise<void> {
    await sh(
      this.client,
      `ip address add ${CLIENT_LATER}/24 dev eth0; ip address del ${CLIENT}/24 dev eth0
      ip address add ${CLIENT_LATER}/24 dev eth0 2> /dev/null; ip -o address show dev eth0 | grep -q ${CLIENT_LATER}`,
    );
  }

  /** Packets larger than this are lost on the way, fragments of IP too. */
  async remove(): Promise<void> {
    for (const { name } of [this.client, this.server]) await host.run(removeNamespace(name));
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
