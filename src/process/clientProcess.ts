/** A client that runs: the pure core on real sockets and a TUN device, with routes and resolvers of this host. */

import { type Client, type ClientCommand, type ClientConfig, type ClientOutput, makeClient } from '../client/index.ts';
import type { ClientSettings } from '../config/clientSchema.ts';
import type { Failure } from '../core/index.ts';
import type { HostChange } from '../driver/host/change.ts';
import { resolverChange } from '../driver/host/resolver.ts';
import type { RouteTo } from '../driver/netlink/rtnetlink.ts';
import type { BoundPorts } from '../driver/openPorts.ts';
import type { RunningCore } from '../driver/runCore.ts';
import type { RunningDataPlane } from '../driver/startedDataPlane.ts';
import { type IkeV1Config, secretTable } from '../ike/v1/index.ts';
import { parseAddress, parsePrefix, prefixContains } from '../net/index.ts';
import type { NetworkUp } from '../ppp/output.ts';
import { failureText } from '../session/log.ts';
import type { SessionView } from '../session/record.ts';
import { utf8 } from '../wire/index.ts';
import { ChangedHost } from './changedHost.ts';
import { identityOf, profileOf } from './gatewayConfig.ts';
import { KeyLogFiles } from './keyLogFiles.ts';
import type { Log } from './logger.ts';
import { type LinuxParts, nodeEnvironment, runOnLinux } from './runOnLinux.ts';
import { addressOf, routeTo } from './serverRoute.ts';

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

/** Both halves of the address space win over any default route and leave that one in its place. */
const EVERYTHING = ['0.0.0.0/1', '128.0.0.0/1'];
const IKE_PORT = 500;
const NAT_T_PORT = 4500;
const L2TP_PORT = 1701;
const LIFETIMES = { lifetime: 28_800, esp_lifetime: 3600 };

export class ClientProcess {
  readonly #options: ClientProcessOptions;
  #host: ChangedHost | undefined;
  #running: RunningCore<ClientCommand, RunningDataPlane> | undefined;
  #client: Client | undefined;
  #server = '';
  #way: RouteTo | undefined;
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
    this.#running?.command({ type: 'disconnect', reason });
  }

  async #start(): Promise<void> {
    const { settings, log, journal, keyLog } = this.#options;
    this.#host = new ChangedHost(journal, log);
    const keyFiles = keyLog === undefined ? undefined : new KeyLogFiles(keyLog, log);
    this.#server = await addressOf(settings.server);
    this.#way = routeTo(this.#server);
    const { source: local } = this.#way;
    this.#running = await runOnLinux<ClientCommand, ClientOutput>({
      plane: {
        listen: [local],
        ports: settings.ipsec ? { ike: IKE_PORT, natT: NAT_T_PORT } : { ike: 0, natT: 0, l2tp: L2TP_PORT },
        whenPortTaken: 'useAnother',
        rawEsp: settings.ipsec,
        slots: 1,
      },
      offloads: settings.offloads,
      log,
      keyLog: keyFiles,
      core: ({ ports, counters }, now) => {
        this.#client = makeClient(this.#config(ports), nodeEnvironment, counters, now);
        return this.#client;
      },
      take: (output) => this.#take(output),
      failed: (reason) => void this.#finish({ reason, view: this.#client!.view() }),
    });
    const server = this.#server;
    log.info('connecting', `Connecting to ${settings.server} (${server}) from ${local}.`, { server, local });
    this.#running.command({ type: 'connect' });
  }

  #config(ports: BoundPorts): ClientConfig {
    const { settings, password } = this.#options;
    const { ipsec, user, auth, path_mtu } = settings;
    const way = this.#way!;
    return {
      local: { address: way.source, port: (ipsec ? ports.ike : ports.l2tp) ?? 0 },
      remote: { address: this.#server, port: ipsec ? IKE_PORT : L2TP_PORT },
      ...(ipsec ? { ike: this.#ikeConfig(ports) } : {}),
      ppp: { credentials: { user, password }, acceptFromPeer: auth },
      pathMtu: Math.min(path_mtu, way.mtu),
    };
  }

  #ikeConfig({ natT }: BoundPorts): IkeV1Config {
    const { settings, psk, keyLog } = this.#options;
    const secret = utf8(psk ?? '');
    return {
      secrets: secretTable([{ secret }]),
      profile: profileOf({ ...settings, ...LIFETIMES }),
      ...(settings.identity === undefined ? {} : { localIdentity: identityOf(settings.identity) }),
      aggressive: settings.aggressive,
      initiate: settings.aggressive === 'unsafe' ? 'aggressive' : 'main',
      forceEncapsulation: settings.force_encapsulation,
      ...(natT === undefined ? {} : { localNatTraversalPort: natT }),
      keyLog: keyLog !== undefined,
    };
  }

  #take(output: Parameters<LinuxParts<ClientCommand, ClientOutput>['take']>[0]): void {
    if (output.type === 'up') this.#up(output.network, output.view);
    else void this.#finish({ reason: output.reason, view: output.view });
  }

  /** Gives the TUN device its address, and the host the wanted routes and resolvers. */
  #up(network: NetworkUp, view: SessionView): void {
    const { settings, log } = this.#options;
    const device = this.#running!.dataPlane.tun!;
    const routes = settings.default_route ? [...settings.routes, ...EVERYTHING] : settings.routes;
    const resolver = settings.dns && network.dns.length > 0 ? resolverChange(device, network.dns) : undefined;
    if (resolver?.ok === false) {
      log.error('host-change', failureText(resolver.failure));
      this.disconnect(resolver.failure);
      return;
    }
    const changes: HostChange[] = [
      { kind: 'address', device, address: network.localAddress, prefixLength: 32, peer: network.peerAddress },
      ...this.#pinned(routes),
      ...routes.map(
        (destination): HostChange => ({ kind: 'route', destination, device, source: network.localAddress }),
      ),
      ...(resolver === undefined ? [] : [resolver.change]),
    ];
    for (const change of changes) {
      const failure = this.#host!.apply(change);
      if (failure === undefined) continue;
      log.error('host-change', failureText(failure));
      this.disconnect(failure);
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
    this.#host?.undo();
    await this.#running?.close();
  }
}
