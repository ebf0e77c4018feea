/** Two L2TP sockets, or one and a scripted peer, on the simulated network. */

import { nodeCrypto } from '../../src/crypto/node/index.ts';
import type { L2tpCommand, L2tpOutput, L2tpSettings } from '../../src/l2tp/index.ts';
import { decodeMessage, isControl, L2tpSocket, readControlMessage } from '../../src/l2tp/index.ts';
import { type LinkQuality, PERFECT, type SimulatedHost, SimulatedNetwork } from '../sim/network.ts';
import { seededEnvironment } from '../sim/random.ts';

const PORT = 1701;

export const REASON = { code: 'test', reason: 'The test ends it.' };

export class End {
  readonly socket: L2tpSocket;
  readonly outputs: L2tpOutput[] = [];
  /** Cut off: nothing leaves, nothing arrives. */
  cut = false;
  readonly #network: SimulatedNetwork;
  readonly #host: SimulatedHost;
  readonly #peer: string;
  #scheduled: number | undefined;

  constructor(network: SimulatedNetwork, address: string, peer: string, settings: L2tpSettings, seed: number) {
    this.#network = network;
    this.#peer = peer;
    this.socket = new L2tpSocket(settings, { ...seededEnvironment(seed), crypto: nodeCrypto });
    this.#host = network.host(address, ({ bytes }, now) => {
      if (!this.cut) this.take(this.socket.receive(bytes, now));
    });
  }

  command(command: L2tpCommand): void {
    this.take(this.socket.command(command, this.#network.now));
  }

  /** Puts raw bytes on the wire. */
  send(bytes: Uint8Array): void {
    if (!this.cut) this.#host.send(PORT, { address: this.#peer, port: PORT }, bytes);
  }

  take(outputs: readonly L2tpOutput[]): void {
    for (const output of outputs) {
      this.outputs.push(output);
      if (output.type === 'send') this.send(output.bytes);
    }
    const { deadline } = this.socket;
    if (deadline === undefined || deadline === this.#scheduled) return;
    this.#scheduled = deadline;
    this.#network.schedule(deadline, (now) => {
      if (this.#scheduled === deadline) this.#scheduled = undefined;
      this.take(this.socket.expire(now));
    });
  }

  all<Type extends L2tpOutput['type']>(type: Type): Extract<L2tpOutput, { type: Type }>[] {
    return this.outputs.filter((output) => output.type === type) as Extract<L2tpOutput, { type: Type }>[];
  }

  /** The only output of a type. */
  the<Type extends L2tpOutput['type']>(type: Type): Extract<L2tpOutput, { type: Type }> {
    const found = this.all(type);
    if (found.length !== 1) throw new Error(`${found.length} outputs of type ${type}`);
    return found[0]!;
  }

  /** Names of the control messages sent, in order. */
  get sent(): string[] {
    return this.all('send')
      .filter(({ bytes }) => isControl(bytes))
      .map(({ bytes }) => nameOfMessage(bytes));
  }
}

export interface Lab {
  readonly network: SimulatedNetwork;
  readonly lac: End;
  readonly lns: End;
}

export function lab(
  options: {
    readonly seed?: number;
    readonly quality?: LinkQuality;
    readonly lac?: Partial<L2tpSettings>;
    readonly lns?: Partial<L2tpSettings>;
  } = {},
): Lab {
  const { seed = 1, quality = PERFECT } = options;
  const network = new SimulatedNetwork(seed, quality);
  const lacSettings: L2tpSettings = { role: 'lac', hostName: 'lac.example', ...options.lac };
  const lnsSettings: L2tpSettings = { role: 'lns', hostName: 'lns.example', ...options.lns };
  const lac = new End(network, '10.0.0.1', '10.0.0.2', lacSettings, seed * 2 + 1);
  const lns = new End(network, '10.0.0.2', '10.0.0.1', lnsSettings, seed * 2 + 2);
  return { network, lac, lns };
}

/** A pair with one session up. */
export function connected(options: Parameters<typeof lab>[0] = {}): Lab {
  const pair = lab(options);
  pair.lac.command({ type: 'connect' });
  const up = () => pair.lns.all('sessionUp').length > 0 && pair.lac.all('sessionUp').length > 0;
  if (!pair.network.run(pair.network.now + 120_000, up)) throw new Error('no session');
  return pair;
}

export function nameOfMessage(bytes: Uint8Array): string {
  const { body } = readControlMessage(bytes);
  return body.length === 0 ? 'ZLB' : (decodeMessage(body).name ?? 'unknown');
}
