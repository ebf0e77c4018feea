/** A peer that a test plays by hand: it numbers and encodes what it is told, and does nothing by itself. */

import { nodeCrypto } from '../../src/crypto/node/index.ts';
import {
  decodeMessage,
  encodeMessage,
  type L2tpCommand,
  type L2tpOutput,
  type L2tpSettings,
  L2tpSocket,
  type MessageBody,
  type MessageName,
  type ReceivedMessage,
  readControlMessage,
  writeControlMessage,
} from '../../src/l2tp/index.ts';
import { seededEnvironment } from '../sim/random.ts';

export const PEER_TUNNEL = 0x0042;

/** What the socket answered: the name of each control message, and what it said. */
export interface Answer {
  readonly name: string;
  readonly tunnel: number;
  readonly session: number;
  readonly ns: number;
  readonly nr: number;
  readonly message: ReceivedMessage | undefined;
  readonly length: number;
}

export class ScriptedPeer {
  readonly socket: L2tpSocket;
  /** Everything that the socket put out. */
  readonly outputs: L2tpOutput[] = [];
  now = 0;
  /** Numbers of the peer; Nr follows what arrives. */
  ns = 0;
  nr = 0;
  /** The socket's tunnel id once known. */
  tunnel = 0;

  constructor(settings: Partial<L2tpSettings> = {}, seed = 9) {
    const environment = { ...seededEnvironment(seed), crypto: nodeCrypto };
    this.socket = new L2tpSocket({ role: 'lns', hostName: 'lns.example', ...settings }, environment);
  }

  /** Sends a message with the next number, and advances it. */
  say<Name extends MessageName>(name: Name, body: MessageBody<Name>, session = 0): Answer[] {
    return this.sayBody(encodeMessage(name, body), session);
  }

  sayBody(body: Uint8Array, session = 0): Answer[] {
    return this.raw(body, this.ns++, session);
  }

  zlb(): Answer[] {
    return this.raw(new Uint8Array(0), this.ns, 0);
  }

  raw(body: Uint8Array, ns: number, session: number, tunnel = this.tunnel): Answer[] {
    return this.take(this.socket.receive(writeControlMessage({ tunnel, session, ns, nr: this.nr, body }), this.now));
  }

  command(command: L2tpCommand): Answer[] {
    return this.take(this.socket.command(command, this.now));
  }

  /** Moves the clock to the socket's next deadline. */
  wait(): Answer[] {
    this.now = this.socket.deadline ?? this.now;
    return this.take(this.socket.expire(this.now));
  }

  /** Moves the clock to `until`, through all deadlines. */
  waitUntil(until: number): Answer[] {
    const answers: Answer[] = [];
    while ((this.socket.deadline ?? Number.POSITIVE_INFINITY) <= until) answers.push(...this.wait());
    this.now = until;
    return answers;
  }

  /** As a LAC: SCCRQ to SCCCN. */
  establish(request: Partial<MessageBody<'SCCRQ'>> = {}): void {
    this.say('SCCRQ', { ...REQUEST, ...request });
    this.say('SCCCN', {});
  }

  /** As a LAC: a session with peer id 7. @returns the socket's session id */
  callIn(assignedSessionId = 7): number {
    const answers = this.say('ICRQ', { assignedSessionId, callSerialNumber: 1 });
    const session = answers.find(({ name }) => name === 'ICRP')?.message?.avps.assignedSessionId ?? 0;
    this.say('ICCN', { txConnectSpeed: 1_000, framingType: 1 }, session);
    return session;
  }

  all<Type extends L2tpOutput['type']>(type: Type): Extract<L2tpOutput, { type: Type }>[] {
    return this.outputs.filter((output) => output.type === type) as Extract<L2tpOutput, { type: Type }>[];
  }

  take(outputs: readonly L2tpOutput[]): Answer[] {
    this.outputs.push(...outputs);
    const answers: Answer[] = [];
    for (const output of outputs) {
      if (output.type !== 'send') continue;
      const { body, ...header } = readControlMessage(output.bytes);
      const message = body.length === 0 ? undefined : decodeMessage(body);
      this.tunnel ||= message?.avps.assignedTunnelId ?? 0;
      if (message !== undefined && header.ns === this.nr) this.nr++;
      answers.push({
        name: message === undefined ? 'ZLB' : (message.name ?? 'unknown'),
        ...header,
        message,
        length: output.bytes.length,
      });
    }
    return answers;
  }
}

export const REQUEST: MessageBody<'SCCRQ'> = {
  protocolVersion: { version: 1, revision: 0 },
  hostName: 'peer',
  framingCapabilities: 3,
  assignedTunnelId: PEER_TUNNEL,
};

export const names = (answers: readonly Answer[]) => answers.map(({ name }) => name);

const { tieBreaker: _, ...reply } = REQUEST;
/** The peer's SCCRP: it has no Tie Breaker. */
export const REPLY: MessageBody<'SCCRP'> = reply;
