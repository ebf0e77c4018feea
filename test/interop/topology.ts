/**
 * The network of the lab, in namespaces of its own:
 *
 *   clients 10.71.1.0/24 ── router (masquerade on or off) ── servers 10.71.2.0/24
 *                             │ 10.71.3.0/24
 *   clients 10.71.1.0/24 ── home router (always masquerades)
 *
 * Every machine hangs on a link of its own, a veth pair into its namespace or a tap for a guest. So a client behind the
 * home router may have the very address of one behind the router, and with masquerade on both come from 10.71.2.1.
 */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { host, type Machine, type Result, runProcess, sh } from './process.ts';

/** What the names of a lab's namespaces begin with; the id of its process follows. */
export const LAB_NAMESPACES = 'sallyport-lab-';

/** Each flow from another port, and from none that means something to tshark. */
const OTHER_PORT = 'masquerade to :20000-60000 fully-random';

export type Place = 'router' | 'homeRouter';

/** Where a guest is to be started. */
export interface TapLink {
  readonly namespace: string;
  readonly tap: string;
  readonly address: string;
  readonly gateway: string;
}

export class Namespace implements Machine {
  readonly name: string;
  readonly lab: string;

  constructor(name: string, lab: string) {
    this.name = name;
    this.lab = lab;
  }

  run(script: string, seconds?: number): Promise<Result> {
    return runProcess(this.command('bash', '-c', script), seconds);
  }

  /** The command line that runs `command` in here. */
  command(...command: string[]): string[] {
    return ['ip', 'netns', 'exec', this.name, ...command];
  }
}

export class Topology {
  readonly router: Namespace;
  readonly homeRouter: Namespace;
  readonly #lab: string;
  #masquerade = false;
  /** Cases that run side by side switch it one after another. */
  #switched: Promise<void> = Promise.resolve();

  private constructor(lab: string) {
    this.#lab = lab;
    this.router = new Namespace(`${LAB_NAMESPACES}${process.pid}-router`, lab);
    this.homeRouter = new Namespace(`${LAB_NAMESPACES}${process.pid}-home`, lab);
  }

  static async create(lab: string): Promise<Topology> {
    const topology = new Topology(lab);
    const { router, homeRouter } = topology;
    await sh(
      host,
      `set -e
      ${addNamespace(router.name)}
      ${addNamespace(homeRouter.name)}
      ip -n ${router.name} link add home0 type veth peer name uplink netns ${homeRouter.name}
      ip -n ${router.name} address add 10.71.3.1/24 dev home0
      ip -n ${router.name} link set home0 up
      ip -n ${homeRouter.name} address add 10.71.3.2/24 dev uplink
      ip -n ${homeRouter.name} link set uplink up
      ip -n ${homeRouter.name} route add default via 10.71.3.1
      ip netns exec ${homeRouter.name} nft -f - <<'END'
      table ip lab { chain post { type nat hook postrouting priority 100;
        oifname "uplink" udp dport 4500 ${OTHER_PORT}; oifname "uplink" masquerade; }; }
END`,
    );
    return topology;
  }

  /** A namespace with one link to the router, its default route through it. */
  async addMachine(label: string, address: string, place: Place = 'router'): Promise<Namespace> {
    const at = this[place];
    const namespace = new Namespace(`${LAB_NAMESPACES}${process.pid}-${label}`, this.#lab);
    const link = linkName(address);
    await sh(
      host,
      `set -e
      ${addNamespace(namespace.name)}
      ip -n ${at.name} link add ${link} type veth peer name eth0 netns ${namespace.name}
      ${attach(at.name, link, address)}
      ip -n ${namespace.name} address add ${address}/24 dev eth0
      ip -n ${namespace.name} link set eth0 up
      ip -n ${namespace.name} route add default via ${gatewayOf(address)}`,
    );
    return namespace;
  }

  /** Removes a machine that `addMachine` made, with all that runs in it. */
  async removeMachine(namespace: Namespace, address: string, place: Place = 'router'): Promise<void> {
    await host.run(`ip -n ${this[place].name} link del ${linkName(address)}; ${removeNamespace(namespace.name)}`);
  }

  /** A tap for a guest, in the namespace of the router that it hangs on. */
  async addTap(address: string, place: Place = 'router'): Promise<TapLink> {
    const namespace = this[place].name;
    const tap = linkName(address);
    await sh(
      host,
      `set -e
      ip -n ${namespace} link show ${tap} > /dev/null 2>&1 && exit
      ip -n ${namespace} tuntap add ${tap} mode tap
      ${attach(namespace, tap, address)}`,
    );
    return { namespace, tap, address, gateway: gatewayOf(address) };
  }

  /** Switches the router's masquerade of clients towards servers. Forgets all flows, so the next packet is mapped anew. */
  masquerade(on: boolean): Promise<void> {
    this.#switched = this.#switched.catch(() => {}).then(() => this.#switch(on));
    return this.#switched;
  }

  async #switch(on: boolean): Promise<void> {
    if (on !== this.#masquerade) {
      const rule = `table ip lab { chain post { type nat hook postrouting priority 100;
          ip saddr { 10.71.1.0/24, 10.71.3.0/24 } ip daddr 10.71.2.0/24 udp dport 4500 ${OTHER_PORT};
        ip saddr { 10.71.1.0/24, 10.71.3.0/24 } ip daddr 10.71.2.0/24 masquerade; }; }`;
      await sh(this.router, on ? `nft '${rule}'` : 'nft delete table ip lab');
      this.#masquerade = on;
    }
    await this.forgetFlows();
  }

  /** Empties the NAT tables, or forgets what `address` began: the next packet of each client comes from a new port. */
  async forgetFlows(address?: string): Promise<void> {
    const which = address === undefined ? '-F' : `-D -s ${address}`;
    await sh(this.router, `conntrack ${which} 2>/dev/null; true`);
    await sh(this.homeRouter, `conntrack ${which} 2>/dev/null; true`);
  }

  async remove(): Promise<void> {
    await removeLabNamespaces(process.pid);
  }
}

/** Removes the namespaces of the lab of one process, and whatever still runs in them. */
export async function removeLabNamespaces(owner: number): Promise<void> {
  await removeNamespaces((pid) => pid === owner);
}

/** Removes what a killed run has left. */
export async function removeStaleNamespaces(): Promise<void> {
  await removeNamespaces((pid) => pid !== process.pid && !isLab(pid));
}

function isLab(pid: number): boolean {
  const file = `/proc/${pid}/cmdline`;
  return existsSync(file) && readFileSync(file, 'latin1').includes('interop');
}

async function removeNamespaces(which: (pid: number) => boolean): Promise<void> {
  const folder = '/run/netns';
  if (!existsSync(folder)) return;
  for (const name of readdirSync(folder)) {
    if (!name.startsWith(LAB_NAMESPACES) || !which(Number.parseInt(name.slice(LAB_NAMESPACES.length), 10))) continue;
    await host.run(removeNamespace(name));
  }
}

export function removeNamespace(name: string): string {
  return `for pid in $(ip netns pids ${name}); do kill -9 $pid; done; ip netns del ${name}`;
}

/** IPv6 is off so that nothing multicasts. */
function addNamespace(name: string): string {
  return `ip netns add ${name}
      ip netns exec ${name} sh -c 'cd /proc/sys/net; echo 1 > ipv6/conf/all/disable_ipv6; echo 1 > ipv4/ip_forward'
      ip -n ${name} link set lo up`;
}

function attach(namespace: string, link: string, address: string): string {
  return `ip -n ${namespace} address add ${gatewayOf(address)}/32 dev ${link}
      ip -n ${namespace} link set ${link} up
      ip -n ${namespace} route add ${address} dev ${link} src ${gatewayOf(address)}`;
}

function gatewayOf(address: string): string {
  return address.replace(/\.\d+$/, '.1');
}

/** 10.71.1.2 is `lan2`, 10.71.2.3 is `wan3`. */
function linkName(address: string): string {
  const [, , network, number] = address.split('.');
  return `${network === '2' ? 'wan' : 'lan'}${number}`;
}
