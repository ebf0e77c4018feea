/** A gateway that runs: the pure core on real sockets, a TUN device, a store of users and the host's routing. */

import {
  type ControlServer,
  type GatewayStatus,
  type RedirectAnswer,
  type RedirectWish,
  startControlServer,
} from '../admin/controlApi.ts';
import type { GatewaySettings } from '../config/schema.ts';
import type { Failure } from '../core/index.ts';
import { defaultWorkers } from '../driver/linuxDataPlane.ts';
import type { RunningCore } from '../driver/runCore.ts';
import type { RunningDataPlane } from '../driver/startedDataPlane.ts';
import type { TlsEngine } from '../eap/index.ts';
import { type Gateway, type GatewayCommand, type GatewayOutput, makeGateway } from '../gateway/index.ts';
import { PrefixPool } from '../net/index.ts';
import { failureText } from '../session/log.ts';
import { caFiles } from './certificateAuthority.ts';
import { CertificateService } from './certificateService.ts';
import { certificateSourcesOf } from './certificateSources.ts';
import { ChangedHost } from './changedHost.ts';
import type { CardFacts } from './connectionCard.ts';
import { gatewayTlsEngine } from './eapTls.ts';
import { gatewayConfig } from './gatewayConfig.ts';
import { joinHostNetwork, servedAddresses, staticAddressFault } from './gatewayNetwork.ts';
import { KeyLogFiles } from './keyLogFiles.ts';
import type { Log } from './logger.ts';
import { offersRemoteAccess, remoteAccessMethods } from './remoteAccessRules.ts';
import { type LinuxParts, nodeEnvironment, runOnLinux } from './runOnLinux.ts';
import type { StateDirectory } from './stateDirectory.ts';
import { StoredUsers } from './storedUsers.ts';
import { type UserNameServers, userNameServers } from './userNameServers.ts';
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

const PORTS = { ike: 500, natT: 4500, l2tp: 1701 } as const;

type Parts = LinuxParts<GatewayCommand, GatewayOutput>;

export class GatewayProcess {
  readonly #options: GatewayProcessOptions;
  readonly #since = new Date();
  #host: ChangedHost | undefined;
  #users: StoredUsers | undefined;
  #dns: UserNameServers | undefined;
  #running: RunningCore<GatewayCommand, RunningDataPlane> | undefined;
  #gateway: Gateway | undefined;
  /** Ours, and whom we trust. */
  #certificates: CertificateService | undefined;
  #tls: TlsEngine | undefined;
  #control: ControlServer | undefined;
  #drained: (() => void) | undefined;
  #redirecting: readonly string[] | undefined;
  #stopping: Promise<void> | undefined;
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
    const { settings, state, log, firstUser, keyLog } = this.#options;
    this.#host = new ChangedHost(state.journal, log);
    this.#users = new StoredUsers(state, log);
    if (firstUser) this.#users.makeFirst();
    this.#certificates = this.#loadCertificates();
    this.#tls = gatewayTlsEngine(settings, this.#certificates);
    let psk: string | undefined;
    const defaultPsk = () => {
      psk = state.defaultPsk();
      return psk;
    };
    this.#running = await runOnLinux<GatewayCommand, GatewayOutput>({
      plane: this.#plane(),
      tunName: settings.network.tun,
      offloads: settings.network.offloads,
      log,
      keyLog: keyLog === undefined ? undefined : new KeyLogFiles(keyLog, log),
      core: (plane) => this.#core(plane, defaultPsk),
      signatures: (ask) => this.#certificates!.answer(ask),
      take: (output) => this.#take(output),
      failed: (failure) => this.#fail(failure),
    });
    const { ipv6_pool: ipv6Pool, client_to_client: clientToClient } = settings.network;
    if (ipv6Pool !== undefined) {
      const localAddress6 = new PrefixPool(ipv6Pool).gatewayAddress;
      this.#running.dataPlane.post({ type: 'configure', clientToClient, localAddress6 });
    }
    this.#control = await startControlServer(state.controlSocket, {
      status: () => this.#status(),
      sessions: () => this.#gateway!.sessions(),
      endedSessions: () => this.#gateway!.endedSessions(),
      disconnect: (who) => this.#disconnect(who),
      redirect: (wish) => this.#redirect(wish),
    });
    const addresses = this.#addresses();
    const ikeV2 = cardIkeV2(settings, this.#certificates, state);
    this.#options.beforeReady?.({
      addresses,
      psk: psk ?? (settings.ike.authentication?.includes('psk') === false ? undefined : 'as you have configured it'),
      issuesCertificates: settings.certificates === undefined,
      ...this.#users.cardUser(),
      ikeV2,
    });
    const { pool, nat } = settings.network;
    this.#tellRemoteAccess();
    log.info(
      'ready',
      `The gateway is ready on UDP ${PORTS.ike} and ${PORTS.natT}; users get addresses of ${pool}${nat ? ', translated on the way out' : ''}.`,
      { pid: process.pid, addresses, tun: this.#running.dataPlane.tun, dns: this.#dns?.addresses },
    );
  }

  /**
   * Those that the configuration names, else those of `sallyport ca` in the state directory, where there are any.
   * @throws StartError that names the file and field
   */
  #loadCertificates(): CertificateService | undefined {
    const { settings, configFile, state, log } = this.#options;
    const warn = (text: string) => log.warn('config', text);
    const context = { ...(configFile === undefined ? {} : { configFile }), warn };
    const sources = certificateSourcesOf(settings, state.authority, context);
    return sources === undefined ? undefined : new CertificateService(sources, log);
  }

  /** What clients may do with IKEv2, for the log. */
  #tellRemoteAccess(): void {
    const { settings, log } = this.#options;
    if (!offersRemoteAccess(settings)) return;
    const methods = remoteAccessMethods(settings, this.#certificates);
    const text =
      methods.length > 0
        ? `Users may connect with IKEv2 alone, by ${methods.join(' or ')}.`
        : 'IKEv2 carries L2TP; for tunnels of its own with user and password the gateway needs a certificate: `sallyport ca init --server NAME` makes one.';
    log.info('remote-access', text, { methods });
  }

  #plane(): Parts['plane'] {
    const { listen, listeners, l2tp, limits, network } = this.#options.settings;
    const plain = l2tp.without_ipsec || listeners.some(({ without_ipsec }) => without_ipsec === true);
    return {
      listen: listen.length === 0 ? [] : [...listen, ...listeners.map(({ address }) => address)],
      ports: plain ? PORTS : { ike: PORTS.ike, natT: PORTS.natT },
      whenPortTaken: 'fail',
      rawEsp: true,
      workers: network.workers ?? defaultWorkers(),
      slots: limits.sessions,
      clientToClient: network.client_to_client,
      localAddress: network.gateway_address,
      ciphers: network.packet_ciphers,
    };
  }

  /** Joins the host's network with the TUN device, then makes the core that serves it. */
  async #core({ tun, counters }: RunningDataPlane, defaultPsk: () => string): Promise<Gateway> {
    const { settings, configFile, keyLog, log } = this.#options;
    joinHostNetwork(this.#host!, settings.network, tun!, log);
    this.#dns = await userNameServers(settings.network, log);
    const { reserved } = this.#users!;
    this.#warnOfAddresses(reserved);
    const config = gatewayConfig(settings, {
      ...(configFile === undefined ? {} : { configFile }),
      defaultPsk,
      dns: this.#dns.addresses,
      reserved,
      keyLog: keyLog !== undefined,
      certificates: this.#certificates,
      warn: (text) => log.warn('config', text),
    });
    this.#gateway = makeGateway(config, { ...nodeEnvironment, untraced: !log.isVerbose }, counters);
    return this.#gateway;
  }

  #warnOfAddresses(reserved: ReadonlyMap<string, string>): void {
    const { settings, log } = this.#options;
    for (const [user, address] of reserved) {
      const fault = staticAddressFault(address, settings.network);
      if (fault === undefined) continue;
      const remedy = `Give another one with \`sallyport user set ${user} --address\`.`;
      log.warn('config', `The address ${address} of user ${user} ${fault}. ${remedy}`, { user, address });
    }
  }

  #take(output: Parameters<Parts['take']>[0]): void {
    const { log } = this.#options;
    switch (output.type) {
      case 'askUser':
        void this.#users
          ?.judge(output.credentials, {
            anyCertified: this.#options.settings.eap.certified_users === 'any',
            anyCertifiedByIke: this.#options.settings.remote_access.certified_users === 'any',
          })
          .then((answer) => this.#running?.command({ type: 'userAnswer', id: output.id, answer }));
        break;
      case 'askTls': {
        const { id, ask } = output;
        void this.#tls?.advance(ask).then((progress) => this.#running?.command({ type: 'tlsAnswer', id, progress }));
        break;
      }
      case 'sessionUp': {
        const { id: session, user, innerAddress, peer } = output.view;
        const text = `${user ?? 'A user'} is connected from ${peer.address} with ${innerAddress}.`;
        log.info('session-up', text, { session, user, innerAddress, peer });
        break;
      }
      case 'sessionEnded': {
        const { timeline, ...view } = output.view;
        const text = `${view.user ?? 'A session'} is gone: ${failureText(output.reason)}`;
        log.info('session-ended', text, { session: view.id, ...view, timeline });
        break;
      }
      case 'drained':
        this.#drained?.();
        break;
    }
  }

  #disconnect(who: string): number {
    const meant = this.#gateway!.sessions().filter(({ id, user }) => id === who || user === who).length;
    const reason = { code: 'administrator', reason: 'An administrator ended the session.' };
    this.#running?.command({ type: 'disconnect', who, reason });
    return meant;
  }

  #redirect({ who, to, stop = false }: RedirectWish): RedirectAnswer {
    const { log, settings } = this.#options;
    if (stop) {
      this.#redirecting = undefined;
      this.#running?.command({ type: 'stopRedirecting' });
      log.info('redirecting', 'Clients are taken again, as the configuration says.');
      return { known: true, sent: 0, staying: 0 };
    }
    const gateways = to === undefined ? settings.redirect.to : [to];
    if (gateways.length === 0) return { known: false, sent: 0, staying: 0 };
    const { following: sent, staying } = this.#gateway!.redirectable(who);
    const all = who === undefined;
    if (all) this.#redirecting = gateways;
    this.#running?.command({ type: 'redirect', ...(all ? {} : { who }), ...(to === undefined ? {} : { to }) });
    if (all || sent > 0) {
      const text = `${all ? 'All clients that follow, and those who come, are' : `${who} is`} sent to ${gateways.join(', ')}.`;
      log.info('redirecting', text, { gateways, sent, staying, ...(all ? {} : { who }) });
    }
    return { known: true, sent, staying };
  }

  #status(): GatewayStatus {
    const gateway = this.#gateway!;
    return {
      version: VERSION,
      pid: process.pid,
      since: this.#since.toISOString(),
      addresses: this.#addresses(),
      sessions: gateway.sessions().filter(({ phase }) => phase === 'up').length,
      users: this.#users!.count,
      ...(this.#redirecting === undefined ? {} : { redirecting: this.#redirecting }),
      refused: Object.fromEntries(gateway.refused),
    };
  }

  #addresses(): string[] {
    return servedAddresses(this.#options.settings.listen, this.#running?.dataPlane.tun);
  }

  async #drainAndClose(reason: Failure): Promise<void> {
    const running = this.#running;
    if (running !== undefined) {
      const bound = this.#options.settings.limits.drain_seconds * 1000;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, bound);
        this.#drained = () => {
          clearTimeout(timer);
          resolve();
        };
        running.command({ type: 'drain', reason });
      });
    }
    await this.#close();
  }

  async #close(): Promise<void> {
    await this.#control?.close();
    await this.#dns?.forwarder?.close();
    this.#host?.undo();
    await this.#running?.close();
    this.#tls?.close();
    this.#certificates?.close();
    this.#users?.close();
  }
}

/** What the card says of IKEv2, where users may log in with it. */
function cardIkeV2(
  settings: GatewaySettings,
  certificates: CertificateService | undefined,
  { authority }: StateDirectory,
): CardFacts['ikeV2'] {
  if (remoteAccessMethods(settings, certificates).length === 0) return undefined;
  const identities = certificates?.credentials[0]?.identities ?? [];
  const name = identities.find(({ type }) => type !== 'der-asn1-dn')?.value;
  if (name === undefined) return undefined;
  return { name, authority: settings.certificates === undefined ? caFiles(authority).root : undefined };
}
