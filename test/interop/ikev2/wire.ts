/**
 * Two namespaces joined by a link of their own, for one case: a server at 10.72.0.1 and a client at 10.72.0.2. Cases with
 * wires of their own run side by side. There is no default route: nothing finds the inner addresses past the tunnel.
 */

import { copyFileSync, linkSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { OurClient, OurGateway } from '../ours.ts';
import { host, sh } from '../process.ts';
import { LAB_NAMESPACES, Namespace, removeNamespace } from '../topology.ts';
import { StrongSwan } from './strongSwan.ts';

export const SERVER = '10.72.0.1';
/** Of another gateway on the same machine. */
export const OTHER_SERVER = '10.72.0.4';
export const CLIENT = '10.72.0.2';
/** Where a client moves to. */
export const CLIENT_LATER = '10.72.0.3';

let made = 0;

export class Wire {
  readonly server: Namespace;
  readonly client: Namespace;
  readonly #label: string;
  readonly #folder: string;
  readonly #ours: (OurGateway | OurClient)[] = [];
  readonly #stock: StrongSwan[] = [];

  private constructor(label: string, folder: string) {
    this.#label = label;
    this.#folder = folder;
    const side = (name: string) =>
      new Namespace(`${LAB_NAMESPACES}${process.pid}-${label}-${name}`, join(folder, name));
    this.server = side('server');
    this.client = side('client');
  }

  /** @param lab the folder with the payload and the scripts */
  static async create(lab: string): Promise<Wire> {
    const label = `wire${++made}`;
    const wire = new Wire(label, join(lab, label));
    const { server, client } = wire;
    for (const { lab: folder } of [server, client]) {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      linkSync(join(lab, 'payload'), join(folder, 'payload'));
      for (const script of ['httpServer.pl', 'meter.pl']) copyFileSync(join(lab, script), join(folder, script));
    }
    await sh(
      host,
      `set -e
      for name in ${server.name} ${client.name}; do
        ip netns add $name
        ip -n $name link set lo up
      done
      ip -n ${server.name} link add eth0 type veth peer name eth0 netns ${client.name}
      for name in ${server.name} ${client.name}; do
        ip netns exec $name sh -c 'echo 1 > /proc/sys/net/ipv6/conf/eth0/disable_ipv6'
      done
      ip -n ${server.name} address add ${SERVER}/24 dev eth0
      ip -n ${client.name} address add ${CLIENT}/24 dev eth0
      ip -n ${server.name} link set eth0 up
      ip -n ${client.name} link set eth0 up`,
    );
    return wire;
  }

  /** Stopped; `start` it with what the case needs. */
  ourGateway(): OurGateway {
    return this.#keep(new OurGateway(this.server, this.server.lab, SERVER));
  }

  /** At `OTHER_SERVER`; give it a TUN device and addresses of its own. Start it before the first one, and stop it after. */
  async otherGateway(): Promise<OurGateway> {
    await sh(this.server, `ip address add ${OTHER_SERVER}/24 dev eth0`);
    const folder = join(this.server.lab, 'other');
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    return this.#keep(new OurGateway(this.server, folder, OTHER_SERVER));
  }

  ourClient(): OurClient {
    return this.#keep(new OurClient(this.client, this.client.lab));
  }

  strongSwan(side: 'server' | 'client'): StrongSwan {
    const daemon = new StrongSwan(this[side]);
    this.#stock.push(daemon);
    return daemon;
  }

  /** Writes a file of one side (0600). Returns its path. */
  write(side: 'server' | 'client', name: string, text: string): string {
    const file = join(this[side].lab, name);
    writeFileSync(file, text, { mode: 0o600 });
    return file;
  }

  /** The client's network card has another address from now on. */
  async moveClient(from: string, to: string): Promise<void> {
    await sh(this.client, `ip address add ${to}/24 dev eth0 && ip address del ${from}/24 dev eth0`);
    await sh(this.client, `ip -o address show dev eth0 | grep -q ${to} || ip address add ${to}/24 dev eth0`);
  }

  logs(): [string, string][] {
    const all = [
      ...this.#ours.map((end) => [end.name, end.logs()]),
      ...this.#stock.map((one) => [one.name, one.log()]),
    ];
    return all.map(([name, log]) => [`${this.#label} ${name}`, log!]);
  }

  /** Ends whatever runs here. */
  async remove(): Promise<void> {
    await Promise.all([...this.#ours.map((end) => end.kill()), ...this.#stock.map((daemon) => daemon.stop())]);
    for (const { name } of [this.client, this.server]) await host.run(removeNamespace(name));
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #keep<End extends OurGateway | OurClient>(end: End): End {
    this.#ours.push(end);
    return end;
  }
}
