/** A gateway that runs: the pure core on real sockets, a TUN device, a store of users and the host's routing. */

import { networkInterfaces } from 'node:os';
import { type ControlServer, type GatewayStatus, startControlServer } from '../admin/controlApi.ts';
import type { GatewaySettings } from '../config/schema.ts';
import type { Failure } from '../core/index.ts';
import { nodeCrypto } from '../crypto/node/index.ts';
import type { DataPlaneEvent } from '../dataplane/messages.ts';
import { type DnsForwarder, startDnsForwarder } from '../driver/dnsForwarder.ts';
import type { HostChange } from '../driver/host/change.ts';
import { deleteStaleTables, HostChanges, recover } from '../driver/host/hostChanges.ts';
import { KeyPool } from '../driver/keyPool.ts';
import { startLinuxDataPlane } from '../driver/linuxDataPlane.ts';
import { type Attached, Loop } from '../driver/loop.ts';
import { hostNameServers } from '../driver/nameServers.ts';
import { StartError } from '../driver/openPorts.ts';
import { systemEnvironment } from '../driver/random.ts';
import type { RunningDataPlane } from '../driver/startedDataPlane.ts';
import { type Gateway, type GatewayOutput, makeGateway } from '../gateway/index.ts';
import { parsePrefix } from '../net/index.ts';
import { rangePrefixes } from '../net/rangePrefixes.ts';
import { failureText } from '../session/log.ts';
import { judge, loadKey, makeUser, openSqliteStore, type Store, unsealUser } from '../store/index.ts';
import type { CardFacts } from './connectionCard.ts';
import { gatewayConfig } from './gatewayConfig.ts';
import { KeyLogFiles } from './keyLogFiles.ts';
import type { Log } from './logger.ts';
import { generatePassword, type StateDirectory } from './stateDirectory.ts';
import { VERSION } from './version.ts';

export interface GatewayProcessOptions {
  readonly settings: GatewaySettings;
  /** Where relative paths of secret files count from. */
  readonly configFile?: string;
  readonly state: StateDirectory;
  readonly log: Log;
  /** Writes keys for Wireshark into this directory. */
  readonly keyLog?: string;
  /** Makes a first user where there is none. */
  readonly firstUser: boolean;
  /** Called when all is open, before the log says `ready`. */
  readonly beforeReady?: (facts: CardFacts) => void;
}

/** Name of the first user of the embedded default. */
const FIRST_USER = 'vpn';
/** Setting that remembers which user's password the connection card may show. */
const CARD_USER = 'card-user';
/** The inner MTU of the TUN device; larger packets for a peer with less room get an ICMP answer in the data path. */
const TUN_MTU = 1400;
const PORTS = { ike: 500, natT: 4500, l2tp: 1701 } as const;

export class GatewayProcess {
  readonly #options: GatewayProcessOptions;
  readonly #loop = new Loop();
  readonly #since = new Date();
  #store!: Store;
  #key!: Uint8Array;
  #changes: HostChanges | undefined;
  #dataPlane: RunningDataPlane | undefined;
  #dns: DnsForwarder | undefined;
  #keys: KeyPool | undefined;
  #keyLog: KeyLogFiles | undefined;
  #control: ControlServer | undefined;
  #gateway: Gateway | undefined;
  #attached: Attached<GatewayOutput> | undefined;
  #drained: (() => void) | undefined;
  #stopping: Promise<void> | undefined;
  #psk = '';
  readonly #undoAtExit = () => this.#undoHost();
  /** Resolves when the gateway has ended by itself, with the reason. */
  readonly failed: Promise<Failure>;
  #fail!: (failure: Failure) => void;

  private constructor(options: GatewayProcessOptions) {
    this.#options = options;
    this.failed = new Promise((resolve) => {
      this.#fail = resolve;
    });
  }

  /** @throws StartError with everything undone again */
  static async start(options: GatewayProcessOptions): Promise<GatewayProcess> {
    const gateway = new GatewayProcess(options);
    try {
      await gateway.#start();
      return gateway;
    } catch (error) {
      await gateway.#close();
      throw error;
    }
  }

  /** Ends all sessions in order, within the configured bound, and undoes what was changed on the host. */
  stop(reason: Failure): Promise<void> {
    this.#stopping ??= this.#drainAndClose(reason);
    return this.#stopping;
  }

  async #start(): Promise<void> {
    const { settings, state, log } = this.#options;
    this.#recover();
    this.#key = loadKey(state.keyFile);
    this.#store = openSqliteStore(state.database);
    if (this.#options.firstUser) this.#makeFirstUser();
    if (this.#options.keyLog !== undefined) this.#keyLog = new KeyLogFiles(this.#options.keyLog, log);
    const dataPlane = await this.#startDataPlane();
    this.#changeHost(dataPlane.tun!);
    const dns = await this.#nameServers();
    const config = gatewayConfig(settings, {
      ...(this.#options.configFile === undefined ? {} : { configFile: this.#options.configFile }),
      defaultPsk: () => {
        this.#psk = state.defaultPsk();
        return this.#psk;
      },
      dns,
      reserved: new Map(
        this.#store.users().flatMap(({ name, address }) => (address === undefined ? [] : [[name, address]])),
      ),
      keyLog: this.#keyLog !== undefined,
      warn: (text) => log.warn('config', text),
    });
    this.#psk ||= '(as configured)';
    const environment = { ...systemEnvironment, crypto: nodeCrypto, unixTime: () => Date.now() / 1000 };
    this.#keys = new KeyPool();
    this.#gateway = makeGateway(config, environment, dataPlane.counters);
    this.#attached = this.#loop.attach(this.#gateway, (outputs) => this.#take(outputs));
    this.#control = await startControlServer(state.controlSocket, {
      status: () => this.#status(),
      sessions: () => this.#gateway!.sessions(),
      endedSessions: () => this.#gateway!.endedSessions(),
      disconnect: (who) => this.#disconnect(who),
    });
    this.#options.beforeReady?.(this.#card());
    const { pool, nat } = settings.network;
    log.info(
      'ready',
      `The gateway is ready on UDP ${PORTS.ike} and ${PORTS.natT}; users get addresses of ${pool}${nat ? ', translated on the way out' : ''}.`,
      {
        pid: process.pid,
        addresses: this.#addresses(),
        tun: dataPlane.tun,
        dns,
      },
    );
  }

  /** What to tell users; the password where it is the generated one. */
  #card(): CardFacts {
    const user =
      this.#store.setting(CARD_USER) ?? this.#store.users()[0]?.name ?? '(add one with `sallyport user add`)';
    const stored = this.#store.user(user);
    const generated = this.#store.setting(CARD_USER) === user && stored !== undefined;
    return {
      addresses: this.#addresses(),
      psk: this.#psk,
      user,
      password: generated ? unsealUser(this.#key, stored).password : undefined,
    };
  }

  #recover(): void {
    const { state, log } = this.#options;
    const recovered = recover(state.journal);
    if (!recovered.ok) throw new StartError(recovered.failure);
    const { undone, failed } = recovered.recovery;
    if (undone.length > 0)
      log.warn('recovered', `Undid what an earlier run had left on the host: ${undone.join('; ')}.`);
    for (const text of failed) log.warn('recovery-failed', `Could not undo what an earlier run left: ${text}`);
  }

  #makeFirstUser(): void {
    if (this.#store.users().length > 0) return;
    this.#store.putUser(makeUser(this.#key, FIRST_USER, generatePassword(), Date.now() / 1000));
    this.#store.putSetting(CARD_USER, FIRST_USER);
  }

  async #startDataPlane(): Promise<RunningDataPlane> {
    const { settings, log } = this.#options;
    const plain = settings.l2tp.without_ipsec || settings.listeners.some(({ without_ipsec }) => without_ipsec === true);
    const options = {
      listen: [
        ...settings.listen,
        ...(settings.listen.length === 0 ? [] : settings.listeners.map(({ address }) => address)),
      ],
      ports: plain ? PORTS : { ike: PORTS.ike, natT: PORTS.natT },
      whenPortTaken: 'fail',
      tun: { name: settings.network.tun, mtu: TUN_MTU },
      slots: settings.limits.sessions,
      // A capture shows large packets before they are cut, which Wireshark cannot decrypt.
      offloads: settings.network.offloads && this.#keyLog === undefined,
      clientToClient: settings.network.client_to_client,
      localAddress: settings.network.gateway_address,
      onEvents: (events: readonly DataPlaneEvent[]) => {
        for (const event of events) this.#attached?.perform((now) => this.#gateway!.receive(event, now));
      },
      onFailure: (failure: Failure) => this.#fail(failure),
      onRefused: (reason: string) => log.error('data-plane', `The data plane refused a command: ${reason}`),
    } as const;
    let started = await startLinuxDataPlane({ ...options, rawEsp: true });
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

  #changeHost(tun: string): void {
    const { settings, state } = this.#options;
    const { pool, gateway_address: address, nat } = settings.network;
    for (const table of deleteStaleTables())
      this.#options.log.warn('recovered', `Deleted the nf_tables table ${table} that an earlier run had left.`);
    process.on('exit', this.#undoAtExit);
    this.#changes = new HostChanges(state.journal);
    const prefix = parsePrefix(pool);
    const covers = pool.includes('/') && prefix !== undefined;
    this.#change({ kind: 'address', device: tun, address, prefixLength: covers ? prefix.length : 32 });
    if (!covers)
      for (const destination of rangePrefixes(pool)) this.#change({ kind: 'route', destination, device: tun });
    this.#change({ kind: 'sysctl', name: 'net.ipv4.ip_forward', value: '1' });
    if (nat) this.#change({ kind: 'nat', table: `sallyport_${tun}`, pools: rangePrefixes(pool), device: tun });
  }

  #change(change: HostChange): void {
    const applied = this.#changes!.apply(change);
    if (!applied.ok) throw new StartError(applied.failure);
  }

  async #nameServers(): Promise<readonly string[]> {
    const { settings, log } = this.#options;
    if (settings.network.dns !== undefined) return settings.network.dns;
    const { forClients, upstream } = hostNameServers();
    if (forClients.length > 0) return forClients;
    if (upstream.length === 0) {
      log.warn('no-dns', 'This host has no name server, so users get none. Set network.dns.');
      return [];
    }
    const { gateway_address: address } = settings.network;
    try {
      this.#dns = await startDnsForwarder(address, upstream);
      log.info(
        'dns-forwarder',
        `Users’ name questions to ${address} are passed on to ${upstream.join(', ')}, which only this host reaches.`,
      );
      return [address];
    } catch (error) {
      log.warn(
        'no-dns',
        `Users get no name server: port 53 of ${address} cannot be used (${(error as NodeJS.ErrnoException).code}). Set network.dns.`,
      );
      return [];
    }
  }

  #take(outputs: readonly GatewayOutput[]): void {
    const { log } = this.#options;
    for (const output of outputs) {
      switch (output.type) {
        case 'dataPlane':
          this.#dataPlane?.post(output.command);
          break;
        case 'log':
          log.entry(output);
          break;
        case 'keyLog':
          this.#keyLog?.write(output);
          break;
        case 'ask':
          void this.#keys
            ?.answer(output.ask)
            .then((answer) =>
              this.#attached?.perform((now) =>
                this.#gateway!.command({ type: 'keyAnswer', id: output.id, answer }, now),
              ),
            );
          break;
        case 'askUser':
          void judge(this.#store, this.#key, output.credentials)
            .catch((error: Error) => {
              log.error('store', `A user could not be judged: ${error.message}`);
              return {
                accepted: false,
                reason: { code: 'store-failed', reason: 'The gateway could not look the user up.' },
              } as const;
            })
            .then((answer) =>
              this.#attached?.perform((now) =>
                this.#gateway!.command({ type: 'userAnswer', id: output.id, answer }, now),
              ),
            );
          break;
        case 'sessionUp': {
          const { id, user, innerAddress, peer } = output.view;
          log.info('session-up', `${user ?? 'A user'} is connected from ${peer.address} with ${innerAddress}.`, {
            session: id,
            user,
            innerAddress,
            peer,
          });
          break;
        }
        case 'sessionEnded': {
          const { timeline, ...view } = output.view;
          log.info('session-ended', `${view.user ?? 'A session'} is gone: ${failureText(output.reason)}`, {
            session: view.id,
            ...view,
            timeline,
          });
          break;
        }
        case 'drained':
          this.#drained?.();
          break;
      }
    }
  }

  #disconnect(who: string): number {
    const gateway = this.#gateway!;
    const meant = gateway.sessions().filter(({ id, user }) => id === who || user === who).length;
    const reason = { code: 'administrator', reason: 'An administrator ended the session.' };
    this.#attached?.perform((now) => gateway.command({ type: 'disconnect', who, reason }, now));
    return meant;
  }

  #status(): GatewayStatus {
    return {
      version: VERSION,
      pid: process.pid,
      since: this.#since.toISOString(),
      addresses: this.#addresses(),
      sessions: this.#gateway!.sessions().filter(({ phase }) => phase === 'up').length,
      users: this.#store.users().length,
      refused: Object.fromEntries(this.#gateway!.refused),
    };
  }

  #addresses(): string[] {
    const { listen } = this.#options.settings;
    if (listen.length > 0) return [...listen];
    const tun = this.#dataPlane?.tun;
    const all = Object.entries(networkInterfaces()).flatMap(([name, entries]) => (name === tun ? [] : (entries ?? [])));
    const outside = all.filter(
      ({ internal, address, scopeid }) => !internal && !scopeid && !address.startsWith('fe80'),
    );
    return outside
      .sort((a, b) => (a.family === b.family ? 0 : a.family === 'IPv4' ? -1 : 1))
      .map(({ address }) => address);
  }

  async #drainAndClose(reason: Failure): Promise<void> {
    const attached = this.#attached;
    if (attached !== undefined) {
      const bound = this.#options.settings.limits.drain_seconds * 1000;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, bound);
        this.#drained = () => {
          clearTimeout(timer);
          resolve();
        };
        attached.perform((now) => this.#gateway!.command({ type: 'drain', reason }, now));
      });
    }
    await this.#close();
  }

  async #close(): Promise<void> {
    await this.#control?.close();
    this.#attached?.detach();
    this.#attached = undefined;
    this.#loop.stop();
    this.#keys?.close();
    await this.#dns?.close();
    this.#undoHost();
    process.off('exit', this.#undoAtExit);
    await this.#dataPlane?.close();
    this.#store?.close();
  }

  #undoHost(): void {
    for (const text of this.#changes?.undoAll() ?? [])
      this.#options.log.error('undo-failed', `Could not undo: ${text}`);
  }
}
