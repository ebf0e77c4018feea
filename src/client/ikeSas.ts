/** The IKE SAs of a client: which stand or are being set up, and where they are. */

import { type Endpoint, earliest, type Instant } from '../core/index.ts';
import type { IkeCommand, IkeDatagram, IkeOutput, IkeSaId } from '../ike/output.ts';
import type { IkeCore } from '../session/connectionParts.ts';
import { Goodbyes } from '../session/goodbyes.ts';

/** The one that the client begins. */
const FIRST: IkeSaId = 1;
const UDP = 17;
const L2TP_PORT = 1701;
const EVERYTHING = { address: '0.0.0.0/0', protocol: 0, port: 0 };

/** A command for one IKE SA, but for which. */
type ToEach = WithoutIkeSa<Extract<IkeCommand, { type: 'close' | 'moved' | 'probe' }>>;
type WithoutIkeSa<Command> = Command extends unknown ? Omit<Command, 'ikeSa'> : never;

export class IkeSas {
  readonly #core: IkeCore | undefined;
  readonly #standing = new Set<IkeSaId>();
  #local: Endpoint;
  #remote: Endpoint;
  readonly #goodbyes: Goodbyes;

  /** @param core absent without IPsec */
  constructor(core: IkeCore | undefined, local: Endpoint, remote: Endpoint) {
    this.#core = core;
    this.#goodbyes = new Goodbyes(core);
    this.#local = local;
    this.#remote = remote;
  }

  get size(): number {
    return this.#standing.size;
  }

  get deadline(): Instant | undefined {
    return earliest([this.#core?.deadline, this.#goodbyes.deadline]);
  }

  /** Whether there is one still, or its Delete is to be said yet: for that there is a bounded time. */
  isLeaving(now: Instant): boolean {
    return this.size > 0 || this.#goodbyes.areOwed(now);
  }

  /** Everything in tunnel mode, of which the gateway grants what it likes; else L2TP. */
  connect({ tunnelMode, l2tpPort }: { readonly tunnelMode: boolean; readonly l2tpPort: number }, now: Instant) {
    this.#standing.add(FIRST);
    const [local, remote] = [this.#local, this.#remote];
    const selectors = tunnelMode
      ? { localSelector: EVERYTHING, remoteSelector: EVERYTHING }
      : {
          localSelector: { protocol: UDP, address: local.address, port: l2tpPort },
          remoteSelector: { protocol: UDP, address: remote.address, port: L2TP_PORT },
        };
    return this.command({ type: 'connect', ikeSa: FIRST, local, remote, ...selectors }, now);
  }

  receive(datagram: IkeDatagram, now: Instant): readonly IkeOutput[] {
    return this.#noted(this.#core?.receive(datagram, now));
  }

  command(command: IkeCommand, now: Instant): readonly IkeOutput[] {
    return this.#noted(this.#core?.command(command, now));
  }

  expire(now: Instant): readonly IkeOutput[] {
    return this.#noted(this.#core?.expire(now));
  }

  /** Gives each of them the same command. */
  each(command: ToEach, now: Instant): readonly IkeOutput[] {
    return [...this.#standing].flatMap((ikeSa) => this.command({ ...command, ikeSa }, now));
  }

  /** Our address is another one: the same ports. */
  move(address: string, now: Instant): readonly IkeOutput[] {
    if (this.#local.address === address) return [];
    this.#local = { ...this.#local, address };
    return this.each({ type: 'moved', local: this.#local, remote: this.#remote }, now);
  }

  #noted(outputs: readonly IkeOutput[] = []): readonly IkeOutput[] {
    for (const output of outputs) {
      if (output.type === 'ikeClosed') this.#standing.delete(output.ikeSa);
      else if (output.type === 'ikeEstablished' || output.type === 'ikeMoved') {
        this.#standing.add(output.ikeSa);
        this.#local = output.local;
        this.#remote = output.remote;
      }
    }
    return outputs;
  }
}
