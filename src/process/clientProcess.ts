/** A client that runs: the pure core on real sockets and a TUN device, with routes and resolvers of this host. */

import { lookup } from 'node:dns/promises';
import { type Client, type ClientOutput, makeClient } from '../client/index.ts';
import type { ClientSettings } from '../config/clientSchema.ts';
import type { Failure } from '../core/index.ts';
import { nodeCrypto } from '../crypto/node/index.ts';
import type { DataPlaneEvent } from '../dataplane/messages.ts';
import type { HostChange } from '../driver/host/change.ts';
import { HostChanges, recover } from '../driver/host/hostChanges.ts';
import { KeyPool } from '../driver/keyPool.ts';
import { startLinuxDataPlane } from '../driver/linuxDataPlane.ts';
import { type Attached, Loop } from '../driver/loop.ts';
import { type RouteTo, Rtnetlink } from '../driver/netlink/rtnetlink.ts';
import { StartError } from '../driver/openPorts.ts';
import { systemEnvironment } from '../driver/random.ts';
import type { RunningDataPlane } from '../driver/startedDataPlane.ts';
import { type IkeV1Config, secretTable } from '../ike/v1/index.ts';
import { parseAddress, parsePrefix, prefixContains } from '../net/index.ts';
import type { NetworkUp } from '../ppp/output.ts';
import { failureText } from '../session/log.ts';
import type { SessionView } from '../session/record.ts';
import { utf8 } from '../wire/index.ts';
import { identityOf, profileOf } from './gatewayConfig.ts';
import { KeyLogFiles } from './keyLogFiles.ts';
import type { Log } from './logger.ts';

export interface ClientProcessOptions {
  readonly settings: ClientSettings;
  readonly password: string;
  /** Absent exactly without IPsec. */
  readonly psk: string | undefined;
  /** File of its own for the journal of host changes. */
  readonly journal: string;
  readonly log: Log;
  readonly keyLog?: string;
}

/** How a connection ended. */
export interface ClientEnd {
  readonly reason: Failure;
  readonly view: SessionView;
}

const TUN_MTU = 1400;
/** Both halves of the address space win over any default route and leave that one in its place. */
const EVERYTHING = ['0.0.0.0/1', '128.0.0.0/1'];
const IKE_PORT = 500;
const NAT_T_PORT = 4500;
const L2TP_PORT = 1701;
const RESOLVER = '/etc/resolv.conf';
const LIFETIMES = { lifetime: 28_800, esp_lifetime: 3600 };

export class ClientProcess {
  readonly #options: ClientProcessOptions;
  readonly #loop = new Loop();
  #changes: HostChanges | undefined;
  #dataPlane: RunningDataPlane | undefined;
  #keys: KeyPool | undefined;
  #keyLog: KeyLogFiles | undefined;
  #client: Client | undefined;
  #attached: Attached<ClientOutput> | undefined;
  #server = '';
  #way: RouteTo | undefined;
  readonly #undoAtExit = () => this.#undoHost();
  /** Resolves when the connection is over and nothing is left on the host. */
  readonly ended: Promise<ClientEnd>;
  #end!: (end: ClientEnd) => void;

  private constructor(options: ClientProcessOptions) {
    this.#options = options;
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  /**
   * Starts connecting.
   * @throws StartError with everything undone again
   */
  static async start(options: ClientProcessOptions): Promise<ClientProcess> {
    const client = new ClientProcess(options);
    try {
      await client.#start();
      return client;
    } catch (error) {
      await client.#close();
      throw error;
    }
  }

  view(): SessionView | undefined {
    return this.#client?.view();
  }

  /** Ends the connection in order; `ended` follows. */
  disconnect(reason: Failure): void {
    this.#attached?.perform((now) => this.#client!.command({ type: 'disconnect', reason }, now));
  }

  async #start(): Promise<void> {
    const { settings, log, journal } = this.#options;
    const recovered = recover(journal);
    if (!recovered.ok) throw new StartError(recovered.failure);
    if (recovered.recovery.undone.length > 0)
      log.warn('recovered', `Undid what an earlier run had left on the host: ${recovered.recovery.undone.join('; ')}.`);
    if (this.#options.keyLog !== undefined) this.#keyLog = new KeyLogFiles(this.#options.keyLog, log);
    this.#server = await addressOf(settings.server);
    this.#way = this.#wayTo(this.#server);
    process.on('exit', this.#undoAtExit);
    this.#changes = new HostChanges(journal);
    const dataPlane = await this.#startDataPlane(this.#way.source);
    this.#keys = new KeyPool();
    const environment = { ...systemEnvironment, crypto: nodeCrypto, unixTime: () => Date.now() / 1000 };
    const { ipsec } = settings;
    this.#client = makeClient(
      {
        local: { address: this.#way.source, port: (ipsec ? dataPlane.ports.ike : dataPlane.ports.l2tp) ?? 0 },
        remote: { address: this.#server, port: ipsec ? IKE_PORT : L2TP_PORT },
        ...(ipsec ? { ike: this.#ikeConfig(dataPlane) } : {}),
        ppp: { credentials: { user: settings.user, password: this.#options.password }, acceptFromPeer: settings.auth },
        pathMtu: Math.min(settings.path_mtu, this.#way.mtu),
      },
      environment,
      dataPlane.counters,
      this.#loop.now,
    );
    log.info('connecting', `Connecting to ${settings.server} (${this.#server}) from ${this.#way.source}.`, {
      server: this.#server,
      local: this.#way.source,
    });
    this.#attached = this.#loop.attach(this.#client, (outputs) => this.#take(outputs));
    this.#attached.perform((now) => this.#client!.command({ type: 'connect' }, now));
  }

  #wayTo(server: string): RouteTo {
    const rtnetlink = new Rtnetlink();
    try {
      return rtnetlink.routeTo(server);
    } catch {
      throw new StartError({
        code: 'no-route',
        reason: `there is no route to ${server}`,
        remedy: 'Connect this host to a network first.',
      });
    } finally {
      rtnetlink.close();
    }
  }

  async #startDataPlane(source: string): Promise<RunningDataPlane> {
    const { settings, log } = this.#options;
    const options = {
      listen: [source],
      ports: settings.ipsec ? { ike: IKE_PORT, natT: NAT_T_PORT } : { ike: 0, natT: 0, l2tp: L2TP_PORT },
      whenPortTaken: 'useAnother',
      tun: { mtu: TUN_MTU },
      slots: 1,
      // A capture shows large packets before they are cut, which Wireshark cannot decrypt.
      offloads: settings.offloads && this.#keyLog === undefined,
      onEvents: (events: readonly DataPlaneEvent[]) => {
        for (const event of events) this.#attached?.perform((now) => this.#client!.receive(event, now));
      },
      onFailure: (failure: Failure) => void this.#finish({ reason: failure, view: this.#client!.view() }),
      onRefused: (reason: string) => log.error('data-plane', `The data plane refused a command: ${reason}`),
    } as const;
    let started = await startLinuxDataPlane({ ...options, rawEsp: settings.ipsec });
    if (!started.ok && started.failure.reason.includes('raw socket')) {
      log.warn('no-native-esp', `${failureText(started.failure)} Going on with ESP in UDP alone.`);
      started = await startLinuxDataPlane({ ...options, rawEsp: false });
    }
    if (!started.ok) throw new StartError(started.failure);
    const { slowCiphers } = started.dataPlane;
    if (slowCiphers !== undefined)
      log.warn('slow-ciphers', `Packets are encrypted by node:crypto, which is slow: ${slowCiphers}.`);
    this.#dataPlane = started.dataPlane;
    return started.dataPlane;
  }

  #ikeConfig(dataPlane: RunningDataPlane): IkeV1Config {
    const { settings, psk } = this.#options;
    const secret = utf8(psk ?? '');
    return {
      secrets: secretTable([{ secret }]),
      profile: profileOf({ ...settings, ...LIFETIMES }),
      ...(settings.identity === undefined ? {} : { localIdentity: identityOf(settings.identity) }),
      aggressive: settings.aggressive,
      initiate: settings.aggressive === 'unsafe' ? 'aggressive' : 'main',
      forceEncapsulation: settings.force_encapsulation,
      ...(dataPlane.ports.natT === undefined ? {} : { localNatTraversalPort: dataPlane.ports.natT }),
      keyLog: this.#keyLog !== undefined,
    };
  }

  #take(outputs: readonly ClientOutput[]): void {
    for (const output of outputs) {
      switch (output.type) {
        case 'dataPlane':
          this.#dataPlane?.post(output.command);
          break;
        case 'log':
          this.#options.log.entry(output);
          break;
        case 'keyLog':
          this.#keyLog?.write(output);
          break;
        case 'ask':
          void this.#keys
            ?.answer(output.ask)
            .then((answer) =>
              this.#attached?.perform((now) =>
                this.#client!.command({ type: 'keyAnswer', id: output.id, answer }, now),
              ),
            );
          break;
        case 'up':
          this.#up(output.network, output.view);
          break;
        case 'closed':
          void this.#finish({ reason: output.reason, view: output.view });
          break;
      }
    }
  }

  /** Gives the TUN device its address, and the host the wanted routes and resolvers. */
  #up(network: NetworkUp, view: SessionView): void {
    const { settings, log } = this.#options;
    const device = this.#dataPlane!.tun!;
    const routes = settings.default_route ? [...settings.routes, ...EVERYTHING] : settings.routes;
    const changes: HostChange[] = [
      { kind: 'address', device, address: network.localAddress, prefixLength: 32, peer: network.peerAddress },
      ...this.#pinned(routes),
      ...routes.map(
        (destination): HostChange => ({ kind: 'route', destination, device, source: network.localAddress }),
      ),
      ...(settings.dns && network.dns.length > 0
        ? [{ kind: 'resolver', path: RESOLVER, servers: network.dns } as const]
        : []),
    ];
    for (const change of changes) {
      const applied = this.#changes!.apply(change);
      if (applied.ok) continue;
      log.error('host-change', failureText(applied.failure));
      this.disconnect(applied.failure);
      return;
    }
    log.info(
      'up',
      `Connected: ${network.localAddress} through ${device}${routes.length > 0 ? ` to ${routes.join(', ')}` : ''}.`,
      {
        session: view.id,
        device,
        localAddress: network.localAddress,
        peerAddress: network.peerAddress,
        dns: network.dns,
        routes,
        ike: view.ike,
        esp: view.esp,
        encapsulation: view.encapsulation,
      },
    );
  }

  /** The way to the server itself, kept outside of the tunnel where a route would swallow it. */
  #pinned(routes: readonly string[]): HostChange[] {
    const server = parseAddress(this.#server)!;
    const way = this.#way!;
    const swallowed = routes.some((route) => prefixContains(parsePrefix(route)!, server));
    if (!swallowed || way.local) return [];
    return [
      {
        kind: 'route',
        destination: `${this.#server}/${server.length * 8}`,
        device: way.device,
        ...(way.gateway === undefined ? {} : { gateway: way.gateway }),
      },
    ];
  }

  async #finish(end: ClientEnd): Promise<void> {
    await this.#close();
    this.#end(end);
  }

  async #close(): Promise<void> {
    this.#attached?.detach();
    this.#attached = undefined;
    this.#loop.stop();
    this.#keys?.close();
    this.#undoHost();
    process.off('exit', this.#undoAtExit);
    await this.#dataPlane?.close();
  }

  #undoHost(): void {
    for (const text of this.#changes?.undoAll() ?? [])
      this.#options.log.error('undo-failed', `Could not undo: ${text}`);
  }
}

async function addressOf(server: string): Promise<string> {
  try {
    return (await lookup(server, { order: 'ipv4first' })).address;
  } catch (error) {
    throw new StartError({
      code: 'unknown-server',
      reason: `the name ${server} was not found (${(error as NodeJS.ErrnoException).code})`,
      remedy: 'Check the spelling and this host’s name servers.',
    });
  }
}
