/** The IPv6 Control Protocol: interface identifiers of both ends; addresses come by neighbor discovery. RFC 5072. */

import type { Environment, Failure, Instant } from '../core/index.ts';
import type { Settings } from './config.ts';
import { ControlProtocol, type ControlProtocolOwner } from './controlProtocol.ts';
import { Protocol } from './frame.ts';
import type { Line } from './line.ts';
import { interfaceIdentifier, newIdentifier } from './options/interfaceIdentifier.ts';
import type { AnyOption } from './options/option.ts';

export const ipv6cpOptions: readonly AnyOption<Ipv6cpContext>[] = [interfaceIdentifier];

export interface Ipv6cpContext {
  readonly random: Environment['random'];
  /** Ours, as asked for so far. */
  local: Uint8Array;
  /** The peer's, where it was acknowledged. */
  peer: Uint8Array | undefined;
  failure: Failure | undefined;
}

export interface Ipv6cpOwner {
  /** @param local 8 bytes each */
  ipv6Up(local: Uint8Array, peer: Uint8Array, now: Instant): void;
  ipv6Down(now: Instant): void;
  /** IPv6 cannot be had on this link, or no longer. */
  ipv6Failed(failure: Failure, now: Instant): void;
}

export class Ipv6cp implements ControlProtocolOwner {
  readonly control: ControlProtocol<Ipv6cpContext>;
  readonly #context: Ipv6cpContext;
  readonly #owner: Ipv6cpOwner;

  constructor(settings: Settings, random: Environment['random'], line: Line, owner: Ipv6cpOwner) {
    this.#context = { random, local: newIdentifier(random), peer: undefined, failure: undefined };
    this.#owner = owner;
    const spec = { name: 'IPV6CP', protocol: Protocol.IPV6CP, timer: 'ipv6cp', options: ipv6cpOptions } as const;
    this.control = new ControlProtocol(spec, this.#context, line, settings.timers, this);
    this.control.open(0);
  }

  thisLayerUp(now: Instant) {
    const { negotiation } = this.control;
    const local = negotiation.local(interfaceIdentifier);
    const peer = negotiation.peer(interfaceIdentifier);
    // A peer that never asked for one after all our suggestions has no link-local address to speak with.
    if (local === undefined || peer === undefined) return this.#owner.ipv6Failed(UNAGREED, now);
    this.#owner.ipv6Up(local, peer, now);
  }

  thisLayerDown(now: Instant): void {
    this.#owner.ipv6Down(now);
  }

  thisLayerFinished(now: Instant): void {
    this.#owner.ipv6Failed(UNANSWERED, now);
  }

  cannotAgree(failure: Failure, now: Instant): void {
    this.#owner.ipv6Failed(failure, now);
  }

  terminateReceived(): void {}

  codeRejected(): void {}

  /** IPV6CP has no codes beyond those of every control protocol. RFC 5072 §3. */
  extended(): boolean {
    return false;
  }
}

const UNAGREED: Failure = { code: 'ipv6cp-no-identifier', reason: 'The peer has no interface identifier.' };
const UNANSWERED: Failure = { code: 'ipv6cp-timeout', reason: 'The peer did not agree to IPv6, or ended it.' };
