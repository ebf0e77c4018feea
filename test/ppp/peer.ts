/** One link against a peer written out by hand: frames go in, and what it says comes out decoded. */

import { decodeFrame, encodeFrame, Protocol } from '../../src/ppp/frame.ts';
import {
  type NetworkParameters,
  type PppCommand,
  type PppConfig,
  type PppEnvironment,
  PppLink,
  type PppOutput,
} from '../../src/ppp/index.ts';
import { decodeOptions, decodePacket, encodePacket, type Packet } from '../../src/ppp/packet.ts';
import { fromHex, toHex } from '../../src/wire/index.ts';
import { environment } from './sim.ts';

export interface Said extends Packet {
  readonly protocol: number;
}

export class Peer {
  readonly link: PppLink;
  readonly outputs: PppOutput[] = [];
  now = 0;

  constructor(config: PppConfig, env: PppEnvironment = environment(7)) {
    this.link = new PppLink(config, env);
  }

  command(command: PppCommand): Said[] {
    return this.#take(this.link.command(command, this.now));
  }

  /** Sends a packet to the link; `data` is hexadecimal text. @returns what the link answers at once */
  send(protocol: number, code: number, identifier: number, data: string | Uint8Array = ''): Said[] {
    const bytes = typeof data === 'string' ? fromHex(data) : data;
    return this.receive(encodeFrame({ protocol, information: encodePacket({ code, identifier, data: bytes }) }));
  }

  receive(frame: Uint8Array): Said[] {
    return this.#take(this.link.receive(frame, this.now));
  }

  /** Acknowledges the Configure-Request among `said`. */
  ack(said: readonly Said[], protocol: number = Protocol.LCP): Said[] {
    const request = said.find((one) => one.protocol === protocol && one.code === 1);
    if (request === undefined) throw new Error('the link sent no Configure-Request');
    return this.send(protocol, 2, request.identifier, request.data);
  }

  /** Passes time to the next deadline at or before `until`, again and again. */
  wait(until: number): Said[] {
    const said: Said[] = [];
    for (let at = this.link.deadline; at !== undefined && at <= until; at = this.link.deadline) {
      this.now = at;
      said.push(...this.#take(this.link.expire(at)));
    }
    this.now = until;
    return said;
  }

  of<T extends PppOutput['type']>(type: T): (PppOutput & { type: T })[] {
    return this.outputs.filter((output): output is PppOutput & { type: T } => output.type === type);
  }

  #take(outputs: readonly PppOutput[]): Said[] {
    this.outputs.push(...outputs);
    return outputs.flatMap((output) => {
      if (output.type !== 'send') return [];
      const { protocol, information } = decodeFrame(output.frame)!;
      return [{ protocol, ...decodePacket(information) }];
    });
  }
}

/** Options as text: `1:0578 5:01020304`. */
export const optionsText = ({ data }: Packet): string =>
  decodeOptions(data)
    .map(({ type, data }) => `${type}:${toHex(data)}`)
    .join(' ');

/** A link with LCP open and nothing required of anybody, in the network phase when `network` is given. */
export function opened(config: PppConfig = {}, network?: NetworkParameters): Peer {
  const peer = new Peer({ requirePeer: [], ...(network && { network }), ...config });
  peer.ack(peer.command({ type: 'up' }));
  peer.send(Protocol.LCP, 1, 1, '050611223344');
  return peer;
}
