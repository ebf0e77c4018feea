/** The L2TP side of a connection: the core of its one socket, and the tunnels that stand. */

import { type Failure, Few, type Instant } from '../core/index.ts';
import type { ChannelId } from '../dataplane/messages.ts';
import type {
  L2tpCommand,
  L2tpFrame,
  L2tpOutput,
  SessionDown,
  SessionUp,
  TunnelDown,
  TunnelId,
  TunnelUp,
} from '../l2tp/output.ts';
import type { L2tpCore } from './connectionParts.ts';
import { failureText, layerEntry, milestoneEntry, sessionEntry } from './log.ts';
import { type ConnectionOutput, toDataPlane } from './output.ts';
import type { SessionRecord } from './record.ts';

/** What L2TP tells the connection, which answers with what follows from it. */
export interface TunnelEvents {
  tunnelUp(tunnel: TunnelUp, now: Instant): void;
  /** The tunnel is taken off already; its sessions are not. */
  tunnelDown(tunnel: TunnelDown, now: Instant): ConnectionOutput[];
  sessionUp(call: SessionUp, now: Instant): ConnectionOutput[];
  sessionDown(down: SessionDown, now: Instant): ConnectionOutput[];
  frame(frame: L2tpFrame, now: Instant): ConnectionOutput[];
}

export class Tunnels {
  readonly #l2tp: L2tpCore;
  readonly #channel: ChannelId;
  readonly #record: SessionRecord;
  readonly #events: TunnelEvents;
  readonly #tunnels = new Few<TunnelId, true>();

  constructor(l2tp: L2tpCore, channel: ChannelId, record: SessionRecord, events: TunnelEvents) {
    this.#l2tp = l2tp;
    this.#channel = channel;
    this.#record = record;
    this.#events = events;
  }

  get deadline(): Instant | undefined {
    return this.#l2tp.deadline;
  }

  /** How many stand. */
  get size(): number {
    return this.#tunnels.size;
  }

  receive(bytes: Uint8Array, now: Instant): ConnectionOutput[] {
    return this.#take(this.#l2tp.receive(bytes, now), now);
  }

  command(command: L2tpCommand, now: Instant): ConnectionOutput[] {
    return this.#take(this.#l2tp.command(command, now), now);
  }

  expire(now: Instant): ConnectionOutput[] {
    const { deadline } = this.#l2tp;
    return deadline === undefined || deadline > now ? [] : this.#take(this.#l2tp.expire(now), now);
  }

  /** Says StopCCN on the oldest tunnel. */
  closeFirst(reason: Failure, now: Instant): ConnectionOutput[] {
    const [tunnel] = this.#tunnels.keys();
    return tunnel === undefined ? [] : this.command({ type: 'close', tunnel, reason }, now);
  }

  #take(outputs: readonly L2tpOutput[], now: Instant): ConnectionOutput[] {
    const out: ConnectionOutput[] = [];
    for (const output of outputs) {
      switch (output.type) {
        case 'send':
          out.push(toDataPlane({ type: 'sendL2tp', channel: this.#channel, bytes: output.bytes }));
          break;
        case 'tunnelUp':
          this.#tunnels.set(output.tunnel, true);
          this.#events.tunnelUp(output, now);
          break;
        case 'tunnelDown':
          this.#tunnels.delete(output.tunnel);
          out.push(
            sessionEntry(this.#record, 'info', 'tunnel-down', `L2TP tunnel ended: ${failureText(output.reason)}`),
            ...this.#events.tunnelDown(output, now),
          );
          break;
        case 'sessionUp':
          out.push(...this.#events.sessionUp(output, now));
          break;
        case 'sessionDown':
          out.push(...this.#events.sessionDown(output, now));
          break;
        case 'frame':
          out.push(...this.#events.frame(output, now));
          break;
        case 'milestone':
          out.push(milestoneEntry(this.#record, output.name, now, output.detail));
          break;
        default:
          out.push(layerEntry(this.#record, output));
      }
    }
    return out;
  }
}
