/** One try of a client: a data plane and a core of its own, from the first message until the connection is over. */

import { type Client, type ClientCommand, type ClientOutput, makeClient } from '../client/index.ts';
import type { Failure } from '../core/index.ts';
import type { RouteTo } from '../driver/netlink/rtnetlink.ts';
import type { RunningCore } from '../driver/runCore.ts';
import type { RunningDataPlane } from '../driver/startedDataPlane.ts';
import type { TlsEngine } from '../eap/index.ts';
import type { SessionNetwork } from '../session/output.ts';
import type { SessionView } from '../session/record.ts';
import { type ClientIdentity, clientConfig, IKE_PORT, L2TP_PORT, NAT_T_PORT } from './clientConfig.ts';
import { ikeV2Mode } from './clientIkeV2.ts';
import type { KeyLogFiles } from './keyLogFiles.ts';
import type { Log } from './logger.ts';
import { fitDevice, nodeEnvironment, runOnLinux } from './runOnLinux.ts';

export interface ClientAttemptParts {
  readonly identity: ClientIdentity;
  /** The address to go to, and the way there. */
  readonly server: string;
  readonly way: RouteTo;
  readonly log: Log;
  readonly keyLog: KeyLogFiles | undefined;
  /** Makes the steps of EAP-TLS; absent where that is not among the methods. */
  readonly tls: TlsEngine | undefined;
  /** Connected; the device waits for its address and routes. */
  readonly up: (network: SessionNetwork, view: SessionView, device: string) => void;
  /** The server has given an IPv6 address too. */
  readonly networkChanged: (network: SessionNetwork, device: string) => void;
  /** Over, with nothing left at the server as far as it answered. Not called after `close`. */
  readonly over: (reason: Failure, redirect?: string) => void;
}

export class ClientAttempt {
  readonly #client: Client;
  readonly #running: RunningCore<ClientCommand, RunningDataPlane>;

  private constructor(client: Client, running: RunningCore<ClientCommand, RunningDataPlane>) {
    this.#client = client;
    this.#running = running;
  }

  /** @throws StartError with everything closed again */
  static async start(parts: ClientAttemptParts): Promise<ClientAttempt> {
    const { identity, server, way, log, keyLog, tls, up, over } = parts;
    const { ipsec, offloads, packet_ciphers: ciphers } = identity.settings;
    let client: Client | undefined;
    const running = await runOnLinux<ClientCommand, ClientOutput>({
      plane: {
        listen: [listenAt(identity, way)],
        ports: ipsec ? { ike: IKE_PORT, natT: NAT_T_PORT } : { ike: 0, natT: 0, l2tp: L2TP_PORT },
        whenPortTaken: 'useAnother',
        rawEsp: ipsec,
        slots: 1,
        ciphers,
      },
      offloads,
      log,
      keyLog,
      core: ({ ports, counters }, now) => {
        const config = clientConfig(identity, server, way, ports, keyLog !== undefined);
        client = makeClient(config, nodeEnvironment, counters, now);
        return client;
      },
      signatures: (ask) => identity.certificates!.answer(ask),
      take: (output) => {
        if (output.type === 'up') up(output.network, output.view, running.dataPlane.tun!);
        else if (output.type === 'mtuChanged') fitDevice(running.dataPlane.tun!, output.mtu, identity.settings.ipv6);
        else if (output.type === 'networkChanged') parts.networkChanged(output.network, running.dataPlane.tun!);
        else if (output.type === 'askTls') {
          const { id, ask } = output;
          void tls?.advance(ask).then((progress) => running.command({ type: 'tlsAnswer', id, progress }));
        } else if (output.type === 'closed') over(output.reason, output.redirect);
      },
      failed: over,
    });
    running.command({ type: 'connect' });
    return new ClientAttempt(client!, running);
  }

  get device(): string {
    return this.#running.dataPlane.tun!;
  }

  view(): SessionView {
    return this.#client.view();
  }

  command(command: ClientCommand): void {
    this.#running.command(command);
  }

  /** Stops at once, without a goodbye. */
  close(): Promise<void> {
    return this.#running.close();
  }
}

/** Who may go on from another address later must not be bound to this one. */
function listenAt({ settings }: ClientIdentity, { source }: RouteTo): string {
  if (!settings.ipsec || ikeV2Mode(settings) === undefined) return source;
  return source.includes(':') ? '::' : '0.0.0.0';
}
