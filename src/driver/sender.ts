/** Sends what the packet path hands out: finds the socket for a peer once, and lets datagrams wait for the flush. */

import type { Peer, SocketKind } from '../dataplane/ports.ts';
import { formatAddress } from '../net/index.ts';
import { type ActiveHolder, ActivePool } from './activePool.ts';
import type { SendHeader } from './messageHeader.ts';
import type { OpenPorts } from './openPorts.ts';
import type { RawEspSocket } from './rawSocket.ts';
import type { SendArea } from './sendArea.ts';
import { SendQueue } from './sendQueue.ts';
import type { UdpSocket } from './udpSocket.ts';

export type SendKind = SocketKind | 'esp';

export type AnySocket = UdpSocket | RawEspSocket;

/** What `Peer.driver` holds while packets go there. */
class Prepared implements ActiveHolder {
  used = true;
  place = -1;
  readonly sender: Sender;
  readonly kind: SendKind;
  readonly queue: SendQueue;
  readonly header: SendHeader;
  readonly #peer: Peer;

  constructor(sender: Sender, kind: SendKind, queue: SendQueue, header: SendHeader, peer: Peer) {
    this.sender = sender;
    this.kind = kind;
    this.queue = queue;
    this.header = header;
    this.#peer = peer;
  }

  giveBack(): void {
    if (this.#peer.driver === this) this.#peer.driver = undefined;
  }
}

export interface SenderOptions {
  readonly open: Pick<OpenPorts, 'udp' | 'esp'>;
  readonly area: SendArea;
  /** Whether trains of datagrams are sent as one, where the kernel can. */
  readonly offloads: boolean;
  /** Is told of each datagram that the kernel did not take. */
  readonly refused: (peer: Peer, errno: number) => void;
  /** Is told of each datagram that there is no socket for. */
  readonly noSocket: (peer: Peer, reason: string) => void;
}

export class Sender {
  readonly #options: SenderOptions;
  readonly #queues = new Map<AnySocket, SendQueue>();
  readonly #allQueues: readonly SendQueue[];
  readonly #active = new ActivePool();

  constructor(options: SenderOptions) {
    this.#options = options;
    const { open, offloads, refused } = options;
    const addQueue = (socket: AnySocket, cuts: boolean): void => {
      this.#queues.set(
        socket,
        new SendQueue(socket.fd, socket.family, cuts, ({ peer }, errno) => refused(peer, errno)),
      );
    };
    // IKE messages are few, and never alike.
    for (const { kind, socket } of open.udp) addQueue(socket, offloads && kind !== 'ike' && socket.cutsSent);
    for (const socket of open.esp) addQueue(socket, false);
    this.#allQueues = [...this.#queues.values()];
  }

  /** What stands in the area waits there for `flush`; what stands elsewhere is copied into it. */
  send(kind: SendKind, peer: Peer, bytes: Uint8Array, at: number, length: number): void {
    const prepared = this.#prepared(kind, peer);
    if (prepared === undefined) return;
    const { memory } = this.#options.area;
    const from = bytes === memory.bytes ? at : this.#copied(bytes, at, length);
    prepared.queue.add(prepared.header, memory.base + from, length);
  }

  /** Datagrams that stand in the area one behind the other, `each` bytes long but for the last. */
  sendTrain(kind: SendKind, peer: Peer, bytes: Uint8Array, at: number, length: number, each: number): void {
    const prepared = this.#prepared(kind, peer);
    const { memory } = this.#options.area;
    if (bytes !== memory.bytes) throw new RangeError('a train stands in a buffer that is not the area');
    prepared?.queue.addTrain(prepared.header, memory.base + at, length, each);
  }

  /** As `flush`, but what is left of a train that the next one may fill up still waits. */
  flushWhole(): void {
    const queues = this.#allQueues;
    let waits = false;
    for (let i = 0; i < queues.length; i++) if (queues[i]!.flushWhole()) waits = true;
    if (waits) this.#options.area.turn();
    else this.#options.area.rewind();
  }

  /** Sends all that waits, and rewinds the area. */
  flush(): void {
    const queues = this.#allQueues;
    for (let i = 0; i < queues.length; i++) queues[i]!.flush();
    this.#options.area.rewind();
  }

  /** What the path made elsewhere is overwritten by its next packet. */
  #copied(bytes: Uint8Array, at: number, length: number): number {
    const { area } = this.#options;
    let to = area.place(length);
    if (to < 0) {
      this.flush();
      to = area.place(length);
    }
    area.memory.bytes.set(bytes.subarray(at, at + length), to);
    area.take(to, length);
    return to;
  }

  #prepared(kind: SendKind, peer: Peer): Prepared | undefined {
    const known = peer.driver as Prepared | undefined;
    if (known?.kind === kind && known.sender === this) {
      known.used = true;
      return known;
    }
    const socket = this.#socketFor(kind, peer);
    if (socket === undefined) {
      const what = kind === 'esp' ? 'raw ESP socket' : `${kind} socket`;
      const port = kind === 'esp' ? '' : ` on port ${peer.localPort}`;
      this.#options.noSocket(peer, `there is no ${what} for IPv${peer.family}${port}`);
      return undefined;
    }
    const prepared = new Prepared(this, kind, this.#queues.get(socket)!, socket.headerFor(peer), peer);
    if (peer.once === true) return prepared;
    this.#active.makeRoom();
    this.#active.add(prepared);
    peer.driver = prepared;
    return prepared;
  }

  /** The socket bound to the peer's local address, else the one bound to any. */
  #socketFor(kind: SendKind, peer: Peer): AnySocket | undefined {
    const { udp, esp } = this.#options.open;
    const sockets: readonly AnySocket[] =
      kind === 'esp' ? esp : udp.filter((candidate) => candidate.kind === kind).map(({ socket }) => socket);
    const ofFamily = sockets.filter(({ family }) => family === peer.family);
    const anyLocal = peer.local.every((byte) => byte === 0);
    return ofFamily.find(({ address }) => {
      return anyLocal || address.every((byte, i) => byte === peer.local[i]) || address.every((byte) => byte === 0);
    });
  }
}

export function remoteOf(peer: Peer): { readonly address: string; readonly port: number } {
  return { address: formatAddress(peer.remote.subarray(0, peer.family === 4 ? 4 : 16)), port: peer.remotePort };
}
