/** The Internet Protocol Control Protocol: addresses and name servers of both ends. RFC 1332, RFC 1877. */

import type { Failure, Instant } from '../core/index.ts';
import type { NetworkConfig, Settings } from './config.ts';
import { ControlProtocol, type ControlProtocolOwner } from './controlProtocol.ts';
import { Protocol } from './frame.ts';
import type { Line } from './line.ts';
import { ipAddress, noAddress, UNSPECIFIED } from './options/ipAddress.ts';
import { dns1, dns2, nbns1, nbns2 } from './options/nameServers.ts';
import type { AnyOption, Option } from './options/option.ts';
import type { NetworkUp } from './output.ts';

/** In the order in which they stand in a Configure-Request. */
export const ipcpOptions: readonly AnyOption<IpcpContext>[] = [ipAddress, dns1, nbns1, dns2, nbns2];

const SPEC = { name: 'IPCP', protocol: Protocol.IPCP, timer: 'ipcp', options: ipcpOptions } as const;

export type NameServerKind = 'dns' | 'nbns';

export interface IpcpContext {
  /** Ours, where it is configured. */
  readonly localAddress: string | undefined;
  /** The one that the peer must use. */
  readonly peerAddress: string | undefined;
  /** What a peer that asks is given. */
  readonly dns: readonly string[];
  readonly nbns: readonly string[];
  readonly request: Readonly<Record<NameServerKind, boolean>>;
  /** Ours, as the peer assigned it so far. */
  assigned: string;
  /** Name servers as the peer gave them so far, by option type. */
  readonly learned: Record<number, string>;
  failure: Failure | undefined;
}

export interface IpcpOwner {
  networkUp(network: NetworkUp, now: Instant): void;
  networkDown(now: Instant): void;
  /** IPv4 cannot be had on this link, or no longer. */
  ipcpFailed(failure: Failure, by: 'peer' | 'local' | 'timeout', now: Instant): void;
}

export class Ipcp implements ControlProtocolOwner {
  readonly control: ControlProtocol<IpcpContext>;
  readonly #context: IpcpContext;
  readonly #owner: IpcpOwner;
  #terminatedByPeer = false;

  constructor(network: NetworkConfig, settings: Settings, line: Line, owner: IpcpOwner) {
    const asksForAddress = network.localAddress === undefined;
    this.#context = {
      localAddress: network.localAddress,
      peerAddress: network.peerAddress,
      dns: network.dns ?? [],
      nbns: network.nbns ?? [],
      request: { dns: network.requestDns ?? asksForAddress, nbns: network.requestNbns ?? false },
      assigned: UNSPECIFIED,
      learned: {},
      failure: undefined,
    };
    this.#owner = owner;
    this.control = new ControlProtocol(SPEC, this.#context, line, settings.timers, this);
    this.control.open(0);
  }

  thisLayerUp(now: Instant) {
    this.#terminatedByPeer = false;
    const { localAddress, peerAddress } = this.#context;
    const { negotiation } = this.control;
    const local = negotiation.local(ipAddress) ?? localAddress ?? UNSPECIFIED;
    const peer = negotiation.peer(ipAddress) ?? UNSPECIFIED;
    if (local === UNSPECIFIED) {
      return this.cannotAgree(noAddress('The peer assigned no address.'), now);
    }
    if (peerAddress !== undefined && peer !== peerAddress) {
      return this.cannotAgree(noAddress('The peer did not take the address that it was assigned.'), now);
    }
    this.#owner.networkUp(
      {
        type: 'networkUp',
        family: 'ipv4',
        localAddress: local,
        peerAddress: peer,
        dns: this.#nameServers('dns', dns1, dns2),
        nbns: this.#nameServers('nbns', nbns1, nbns2),
      },
      now,
    );
  }

  thisLayerDown(now: Instant): void {
    this.#owner.networkDown(now);
  }

  thisLayerFinished(now: Instant) {
    if (this.#terminatedByPeer) {
      const failure = { code: 'ipcp-terminated', reason: 'The peer ended IPv4 on the link.' };
      return this.#owner.ipcpFailed(failure, 'peer', now);
    }
    const failure = {
      code: 'ipcp-timeout',
      reason: 'The peer did not answer IPCP Configure-Requests.',
      remedy: 'Check that IPv4 is enabled for the connection at the peer.',
    };
    this.#owner.ipcpFailed(failure, 'timeout', now);
  }

  cannotAgree(failure: Failure, now: Instant): void {
    this.#owner.ipcpFailed(failure, 'local', now);
  }

  terminateReceived(): void {
    this.#terminatedByPeer = true;
  }

  codeRejected() {}

  /** IPCP has no codes beyond those of every control protocol. RFC 1332 §3. */
  extended(): boolean {
    return false;
  }

  /** What the peer gave us where we asked, else what we give. */
  #nameServers(kind: NameServerKind, ...options: readonly Option<IpcpContext, string>[]): readonly string[] {
    if (!this.#context.request[kind]) return this.#context[kind];
    const given = options
      .map((option) => this.control.negotiation.local(option))
      .filter((address): address is string => address !== undefined && address !== UNSPECIFIED);
    // A peer with one server gives it twice.
    return [...new Set(given)];
  }
}
