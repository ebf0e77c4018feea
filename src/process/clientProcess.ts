/**
 * A client that runs: it makes one connection after another as `Persistence` decides, and gives the host the routes and
 * name servers of the one that is up.
 */

import { Persistence, type PersistenceInput, type PersistenceOutput } from '../client/index.ts';
import type { Failure } from '../core/index.ts';
import { type HostWatch, watchHost } from '../driver/hostWatch.ts';
import { type Attached, Loop } from '../driver/loop.ts';
import type { RouteTo } from '../driver/netlink/rtnetlink.ts';
import { StartError } from '../driver/openPorts.ts';
import type { TlsEngine } from '../eap/index.ts';
import type { KeptTicket } from '../ike/v2/index.ts';
import { failureText } from '../session/log.ts';
import type { SessionNetwork } from '../session/output.ts';
import type { SessionView } from '../session/record.ts';
import { ChangedHost } from './changedHost.ts';
import { ClientAttempt } from './clientAttempt.ts';
import { ikeV2Mode } from './clientIkeV2.ts';
import type { ClientEnd, ClientProcessOptions } from './clientOptions.ts';
import { clientTlsRules, eapTlsEngine } from './eapTls.ts';
import { HeldNetwork } from './heldNetwork.ts';
import { keptTickets } from './keptTickets.ts';
import { KeyLogFiles } from './keyLogFiles.ts';
import { nodeEnvironment } from './runOnLinux.ts';
import { redirectLoop, ServerAddresses } from './serverAddresses.ts';
import {
  checkResolver,
  connectedLine,
  ipv6Changes,
  tunnelChanges,
  tunnelResolver,
  wantedRoutes,
} from './tunnelChanges.ts';

export type { ClientEnd, ClientProcessOptions };

/** A try under way or a connection that stands. */
interface Current {
  readonly server: string;
  way: RouteTo;
  /** What the server has given us, once it is up. */
  up?: { readonly network: SessionNetwork; readonly device: string };
  /** Absent while its sockets are being opened. */
  attempt?: ClientAttempt;
}

export class ClientProcess {
  readonly #options: ClientProcessOptions;
  readonly #host: ChangedHost;
  readonly #network: HeldNetwork;
  readonly #addresses: ServerAddresses;
  readonly #keyFiles: KeyLogFiles | undefined;
  /** Kept over all tries, so that a TLS session may be resumed. */
  readonly #tls: TlsEngine | undefined;
  /** The same of IKE sessions; absent where none is to be resumed. */
  readonly #tickets: Map<string, KeptTicket> | undefined;
  readonly #loop = new Loop();
  readonly #persistence: Attached<PersistenceOutput>;
  readonly #core: Persistence;
  #watch: HostWatch | undefined;
  #current: Current | undefined;
  #view: SessionView | undefined;
  /** Counts tries, so that one that was given up while it began is known for what it is. */
  #tries = 0;
  /** The former try's sockets are closed before the next one opens its own. */
  #closing: Promise<void> = Promise.resolve();
  /** Settles when the first try has begun or has failed to. */
  readonly #begun: Promise<Failure | undefined>;
  #begin!: (failure: Failure | undefined) => void;
  /** Resolves when it is over for good and nothing is left on the host. */
  readonly ended: Promise<ClientEnd>;
  #end!: (end: ClientEnd) => void;

  private constructor(options: ClientProcessOptions) {
    const { settings, journal, log, keyLog } = options;
    this.#options = options;
    this.#host = new ChangedHost(journal, log);
    this.#network = new HeldNetwork(settings, this.#host);
    this.#addresses = new ServerAddresses(settings.server);
    this.#keyFiles = keyLog === undefined ? undefined : new KeyLogFiles(keyLog, log);
    this.#tls = settings.auth.includes('eap-tls')
      ? eapTlsEngine('client', options.certificates, clientTlsRules(settings))
      : undefined;
    this.#tickets = keptTickets(settings, log);
    const { first, most, always } = settings.retry;
    const retry = { persist: settings.persist, first: first * 1000, most: most * 1000, always };
    this.#core = new Persistence(retry, nodeEnvironment);
    this.#persistence = this.#loop.attach(this.#core, (outputs) => {
      for (const output of outputs) this.#perform(output);
    });
    this.#begun = new Promise((resolve) => {
      this.#begin = resolve;
    });
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  /**
   * Starts connecting.
   * @throws StartError with everything undone again, where the first try cannot even begin and no other is to follow
   */
  static async start(options: ClientProcessOptions): Promise<ClientProcess> {
    const client = new ClientProcess(options);
    client.#tell({ type: 'start' });
    const failure = await client.#begun;
    if (failure === undefined) return client;
    await client.ended;
    throw new StartError(failure);
  }

  /** The connection as it is, or the last one as it was. */
  view(): SessionView | undefined {
    return this.#current?.attempt?.view() ?? this.#view;
  }

  /** Ends the connection in order; `ended` follows. */
  disconnect(reason: Failure): void {
    this.#tell({ type: 'stop', reason });
  }

  #tell(input: PersistenceInput): void {
    this.#persistence.perform((now) => this.#core.command(input, now));
  }

  #perform(output: PersistenceOutput): void {
    const { log } = this.#options;
    switch (output.type) {
      case 'try':
        void this.#try(output.number, output.sameServer);
        break;
      case 'wait': {
        const { reason, milliseconds } = output;
        const text = `${failureText(reason)} Trying again in ${(milliseconds / 1000).toFixed(1)} s.`;
        log.warn('connection-lost', text, { ...reason, wait: milliseconds });
        break;
      }
      case 'probe':
        log.info('probe', `${output.why} Asking the server whether it is there.`);
        this.#current?.attempt?.command({ type: 'probe', within: output.within });
        break;
      case 'drop':
        log.info('network-changed', failureText(output.reason));
        this.#leave();
        break;
      case 'disconnect':
        this.#disconnect(output.reason);
        break;
      case 'end':
        void this.#finish(output.reason);
    }
  }

  async #try(number: number, sameServer: boolean): Promise<void> {
    const id = ++this.#tries;
    try {
      await this.#connect(id, number, sameServer);
      this.#begin(undefined);
    } catch (error) {
      const failure = failureOf(error);
      this.#lost(id, failure);
      this.#begin(undefined);
    }
  }

  /** @throws StartError */
  async #connect(id: number, number: number, sameServer: boolean): Promise<void> {
    const { settings, log } = this.#options;
    await this.#closing;
    checkResolver(settings);
    const server = await this.#addresses.next(sameServer);
    if (id !== this.#tries) return;
    this.#watch ??= this.#watchHost();
    const raised = this.#network.hold(server);
    if (raised !== undefined) throw new StartError(raised);
    const way = this.#network.wayTo(server);
    const local = way.source;
    const again = number === 1 ? '' : ` again (try ${number})`;
    const { server: name, redirectedFrom, followsRedirects } = this.#addresses;
    log.info('connecting', `Connecting${again} to ${name} (${server}) from ${local}.`, { server, local });
    const current: Current = { server, way };
    this.#current = current;
    this.#network.noteSituation(current);
    const attempt = await ClientAttempt.start({
      identity: { ...this.#options, redirectedFrom, followsRedirects, tickets: this.#tickets },
      server,
      way,
      log,
      keyLog: this.#keyFiles,
      tls: this.#tls,
      up: (network, view, device) => this.#up(current, network, view, device),
      networkChanged: (network, device) => this.#networkLearned(current, network, device),
      over: (reason, redirect) => this.#over(id, reason, redirect),
    });
    if (id !== this.#tries) this.#closing = attempt.close();
    else current.attempt = attempt;
  }

  /** A server that sends us to another one is left for that at once. RFC 5685. */
  #over(id: number, reason: Failure, gateway: string | undefined): void {
    if (id !== this.#tries) return;
    const follows = gateway !== undefined && this.#addresses.redirect(gateway);
    if (!follows) {
      this.#lost(id, gateway === undefined ? reason : redirectLoop(gateway));
      return;
    }
    this.#options.log.info('redirected', `The server sends us to ${gateway}.`, { gateway });
    this.#leave();
    void this.#try(1, true);
  }

  /** A try or connection is over. */
  #lost(id: number, reason: Failure): void {
    if (id !== this.#tries) return;
    this.#leave();
    this.#tell({ type: 'lost', reason });
  }

  /** Forgets the present try or connection, takes its changes back and closes its sockets. */
  #leave(): void {
    this.#tries++;
    const { attempt } = this.#current ?? {};
    this.#current = undefined;
    this.#network.tunnelDown();
    if (attempt === undefined) return;
    this.#view = attempt.view();
    this.#closing = attempt.close();
  }

  /** Says goodbye where there is somebody to say it to. */
  #disconnect(reason: Failure): void {
    const attempt = this.#current?.attempt;
    if (attempt !== undefined) attempt.command({ type: 'disconnect', reason });
    else this.#lost(this.#tries, reason);
  }

  #watchHost(): HostWatch | undefined {
    return watchHost({
      networkChanged: () => this.#networkChanged(),
      resumed: (slept) => {
        this.#options.log.info('resumed', `The host was asleep for ${Math.round(slept / 1000)} s.`);
        this.#tell({ type: 'resumed', slept });
      },
    });
  }

  #networkChanged(): void {
    const change = this.#network.look(this.#current);
    if (change === undefined) return;
    const moved = change === 'gone' ? this.#move(this.#current) : undefined;
    const way = moved === undefined ? change : moved ? 'same' : 'none';
    this.#options.log.info('network-changed', 'The network of this host changed.', { way });
    // Without any network the connection waits for one, as long as dead peer detection lets it.
    if (way !== 'none') this.#tell({ type: 'networkChanged', way });
  }

  /** IKEv2 goes on from another address (MOBIKE): true; false where there is no way now, undefined where it cannot. */
  #move(current: Current | undefined): boolean | undefined {
    const { settings, log } = this.#options;
    if (current?.attempt === undefined || current.up === undefined || ikeV2Mode(settings) === undefined) return;
    const way = this.#network.newWay(current.server);
    if (way === undefined) return false;
    log.info('moved', `Going on from ${way.source} instead of ${current.way.source}.`, { local: way.source });
    current.way = way;
    const { network, device } = current.up;
    const failure = this.#raise(current, network, device);
    if (failure !== undefined) log.error('host-change', failureText(failure));
    else current.attempt.command({ type: 'moved', address: way.source });
    return failure === undefined ? true : undefined;
  }

  /** The tunnel's addresses, routes and name servers. */
  #raise(current: Current, network: SessionNetwork, device: string): Failure | undefined {
    const { settings } = this.#options;
    const { server, way } = current;
    const changes = tunnelChanges({ settings, device, network, server, way, table: this.#network.table });
    const resolver = tunnelResolver(settings, device, network);
    const failure = resolver?.ok === false ? resolver.failure : this.#network.tunnelUp(changes, resolver?.change);
    if (failure !== undefined) return failure;
    current.up = { network, device };
    this.#network.noteSituation(current);
    return undefined;
  }

  /** Gives the TUN device its address, and the host the wanted routes and name servers. */
  #up(current: Current, network: SessionNetwork, view: SessionView, device: string): void {
    const { settings, log } = this.#options;
    const failure = this.#raise(current, network, device);
    if (failure !== undefined) {
      log.error('host-change', failureText(failure));
      this.#disconnect(failure);
      return;
    }
    this.#addresses.reached();
    const { text, ...fields } = connectedLine(wantedRoutes(settings, network), network, view, device);
    log.info('up', text, fields);
    if (network.localAddress6 === undefined && this.#network.ipv6GoesAround()) log.warn('leaking-ipv6', IPV6_OUTSIDE);
    this.#tell({ type: 'up' });
  }

  /** The device gets an IPv6 address beside its other one. */
  #networkLearned(current: Current, network: SessionNetwork, device: string): void {
    const { settings, log } = this.#options;
    const { server, way } = current;
    current.up = { network, device };
    const changes = ipv6Changes({ settings, device, network, server, way, table: this.#network.table });
    const failure = this.#network.tunnelMore(changes);
    this.#network.noteSituation(current);
    const { localAddress6: localAddress } = network;
    if (failure !== undefined) log.error('host-change', failureText(failure));
    else log.info('ipv6-up', `The server gave ${localAddress} too.`, { localAddress, device });
  }

  async #finish(reason: Failure): Promise<void> {
    this.#begin(reason);
    this.#leave();
    this.#watch?.close();
    this.#persistence.detach();
    this.#loop.stop();
    this.#tls?.close();
    this.#host.undo();
    await this.#closing;
    this.#end({ reason, view: this.#view });
  }
}

const IPV6_OUTSIDE =
  'This host has IPv6, which does not go through the tunnel. With --kill-switch it goes nowhere instead.';

/** What is no refusal with a reason is a fault of ours, and ends the process. */
function failureOf(error: unknown): Failure {
  if (error instanceof StartError) return error.failure;
  throw error;
}
