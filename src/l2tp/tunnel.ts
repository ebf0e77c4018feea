/** One tunnel from SCCRQ until the last repeated StopCCN is acknowledged: its times, its end. RFC 2661 §5, §7.2, §7.6. */

import { type Failure, type Instant, sooner, Timers } from '../core/index.ts';
import { Malformed, pack } from '../wire/index.ts';
import type { ResultCode } from './avps.ts';
import { Calls, type CallTunnel } from './callManagement.ts';
import { fullCycle } from './channel.ts';
import type { Refusal, SocketContext } from './context.ts';
import { type Announcer, ControlConnection, type Outcome, type Peer } from './controlConnection.ts';
import { ControlLink, type Sent } from './controlLink.ts';
import type { ControlMessage } from './header.ts';
import { type MessageBody, messages, type ReceivedMessage } from './messages.ts';
import type { MessageName } from './messageType.ts';
import type { SessionId, TunnelDown, TunnelId } from './output.ts';
import { failureOf, stopResultFor } from './resultCodes.ts';
import type { Ending } from './session.ts';
import { EMPTY, NO_ANSWER, SETUP_TIMEOUT, SHORT_REQUEST, UNRESPONSIVE } from './tunnelFailures.ts';
import { objection, outOfOrder, unforgiven } from './tunnelMessages.ts';

/** What the state table does not know: an end takes time. */
type Phase =
  /** The table rules. */
  | 'live'
  /** CDNs are on their way, StopCCN follows. */
  | 'closing'
  /** StopCCN is on its way. */
  | 'stopping'
  /** Over; what the peer repeats is still acknowledged. */
  | 'lingering'
  | 'gone';

export class Tunnel implements CallTunnel, Announcer {
  readonly id: TunnelId;
  readonly originator: boolean;
  readonly calls: Calls;
  readonly connection: ControlConnection;
  readonly #context: SocketContext;
  readonly #link: ControlLink;
  readonly #timers = new Timers<'setup' | 'hello' | 'close' | 'abandonCalls' | 'linger' | 'empty'>();
  readonly #since: Instant;
  #phase: Phase = 'live';
  #ending: Ending | undefined;
  #heardAt: Instant;

  constructor(context: SocketContext, id: TunnelId, originator: boolean, now: Instant) {
    this.#context = context;
    this.id = id;
    this.originator = originator;
    this.#since = now;
    this.#heardAt = now;
    this.#link = new ControlLink(context, id);
    this.calls = new Calls(context, this);
    this.connection = new ControlConnection(context, id, originator, this);
    this.#timers.set('setup', now + context.config.setupTimeout);
  }

  get phase(): Phase {
    return this.#phase;
  }

  get established(): boolean {
    return this.#phase === 'live' && this.connection.state === 'established';
  }

  get peerId(): TunnelId {
    return this.connection.peerId;
  }

  get peer(): Peer {
    return this.connection.peer;
  }

  get deadline(): Instant | undefined {
    if (this.#phase === 'lingering') return this.#timers.deadline;
    return sooner(sooner(this.#timers.deadline, this.#link.channel.deadline), this.calls.deadline);
  }

  /** The peer was heard on the data plane. */
  heard(at: Instant): void {
    if (at <= this.#heardAt) return;
    this.#heardAt = at;
    // A repeated SCCRQ would have come by now.
    if (at - this.#since >= fullCycle(this.#context.config)) this.connection.request = undefined;
    // Put off at once: a tunnel whose peer is heard often enough is never woken.
    if (this.#timers.isSet('hello')) this.#timers.set('hello', at + this.#context.config.helloInterval);
  }

  open(now: Instant): void {
    this.#follow(this.connection.fire('openRequest'), 'local', now);
  }

  /** Whether `body` is the SCCRQ that began this tunnel, come again, and not a peer that has started anew. */
  isRepeatedRequest(body: Uint8Array, now: Instant): boolean {
    const { request, state } = this.connection;
    if (request === undefined || pack(body) !== request) return false;
    return state === 'waitCtlConn' || now - this.#since < fullCycle(this.#context.config);
  }

  receive(header: ControlMessage, now: Instant): void {
    this.heard(now);
    const { arrival, acknowledged, delivered } = this.#link.receive(header, now);
    for (const sent of acknowledged) this.#acknowledged(sent, now);
    for (const each of delivered) this.#deliver(each.header, each.message, now);
    if (arrival === 'duplicate' && this.#unverified) this.#link.channel.repeatFront();
  }

  /** Ends the tunnel in order: CDN for each session, then StopCCN. */
  close(failure: Failure, now: Instant): void {
    if (this.#phase !== 'live') return;
    if (this.peerId === 0) {
      this.drop('local', failure);
      return;
    }
    const { closeTimeout } = this.#context.config;
    this.#phase = 'closing';
    this.#ending = { by: 'local', failure };
    this.#timers.clearAll();
    this.#timers.set('close', now + closeTimeout);
    this.#timers.set('abandonCalls', now + closeTimeout / 2);
    this.calls.disconnectAll(failure, now);
    this.#stopWhenEmpty(now);
  }

  /** Forgets the tunnel at once, without a word to the peer. */
  drop(by: TunnelDown['by'], failure: Failure): void {
    if (this.#phase !== 'lingering' && this.#phase !== 'gone') this.#report(this.#ending ?? { by, failure });
    this.#phase = 'gone';
  }

  /** The peer's SCCRQ has won over ours. Nothing is reported: the peer's tunnel takes this one's place. */
  loseTie(now: Instant): void {
    this.#milestone('tie breaker lost');
    this.#follow(this.connection.fire('SCCRQ wins tie'), 'peer', now);
  }

  send<Name extends MessageName>(name: Name, body: MessageBody<Name>, session: SessionId = 0, subject = 0): void {
    this.#link.send(name, body, session, subject);
  }

  /** Sends what may go out now. The owner calls it once behind each input. */
  flush(now: Instant): void {
    if (this.#phase === 'gone') return;
    this.#watchEmpty(now);
    this.#link.flush(this.peerId, now);
  }

  expire(now: Instant): void {
    for (const name of this.#timers.due(now)) {
      if (name === 'setup' && this.peerId === 0) this.drop('timeout', NO_ANSWER);
      else if (name === 'setup') this.#follow(SETUP_TIMEOUT, 'timeout', now);
      else if (name === 'hello') this.#hello(now);
      else if (name === 'close') this.drop('timeout', SETUP_TIMEOUT.failure);
      else if (name === 'abandonCalls') this.#stop(stopResultFor(this.#ending!.failure), this.#ending!, now);
      else if (name === 'linger') this.#phase = 'gone';
      else if (this.calls.size === 0) this.close(EMPTY, now);
    }
    if (this.#phase === 'lingering' || this.#phase === 'gone') return;
    this.calls.expire(now);
    this.#stopWhenEmpty(now);
    this.#expireChannel(now);
  }

  /** The far end of an unprotected path has not shown yet that it receives what we send. */
  get #unverified(): boolean {
    return this.connection.state === 'waitCtlConn' && !this.#context.config.protectedPath;
  }

  #expireChannel(now: Instant): void {
    const { channel } = this.#link;
    const verdict = channel.expire(now);
    if (verdict === 'retransmit' && this.#unverified) channel.holdBack(now);
    if (verdict !== 'exhausted') return;
    // Where only acknowledgements of HELLO are lost while the peer is heard, it is not gone.
    const heard = this.#heardAt + fullCycle(this.#context.config) > now;
    if (channel.front?.tag.name === 'HELLO' && heard) channel.persist(now);
    else this.drop('timeout', this.connection.state === 'waitCtlReply' ? NO_ANSWER : UNRESPONSIVE);
  }

  #deliver(header: ControlMessage, message: ReceivedMessage | Malformed, now: Instant): void {
    if (this.#phase === 'lingering' || this.#phase === 'gone') return;
    const { config } = this.#context;
    if (message instanceof Malformed || message.name === undefined) {
      const { code, reason, refusal } = objection(message, config);
      this.#context.emit({ type: 'dropped', layer: 'l2tp', code, reason });
      this.#refuse(refusal, now);
      return;
    }
    if (message.name === 'StopCCN') {
      this.#milestone('StopCCN received');
      const failure = failureOf('StopCCN', message.avps.resultCode);
      this.#finish(this.#ending ?? { by: 'peer', failure }, now);
    } else if (message.name === 'HELLO') {
      this.#refuse(unforgiven(message, config), now);
    } else if (messages[message.name].scope === 'session') {
      this.#deliverCall(message, header, now);
    } else if (this.#phase === 'live') {
      this.#milestone(`${message.name} received`);
      const outcome = this.connection.receive(message.name as 'SCCRQ' | 'SCCRP' | 'SCCCN', message, header);
      const { peerWindow } = this.connection;
      if (peerWindow !== undefined && message.name !== 'SCCCN') this.#link.channel.setPeerWindow(peerWindow);
      this.#follow(outcome, 'local', now);
    }
  }

  #deliverCall(message: ReceivedMessage, header: ControlMessage, now: Instant): void {
    if (this.connection.state !== 'established') {
      this.#refuse(outOfOrder(message.name!, this.connection.state), now);
    } else if (this.#phase === 'live' || (this.#phase === 'closing' && message.name === 'CDN')) {
      this.calls.receive(message, header, unforgiven(message, this.#context.config), now);
      this.#stopWhenEmpty(now);
    }
  }

  #follow(outcome: Outcome, by: TunnelDown['by'], now: Instant): void {
    if (outcome === 'established') this.#established(now);
    else if (outcome === 'cleanUp') this.#phase = 'gone';
    else if (outcome === 'pending') return;
    else if (outcome.failure.code === SHORT_REQUEST.code) this.drop('local', SHORT_REQUEST);
    else this.#stop(outcome.result, { by, failure: outcome.failure }, now);
  }

  #established(now: Instant): void {
    const { helloInterval } = this.#context.config;
    this.#timers.clear('setup');
    if (helloInterval > 0) this.#timers.set('hello', now + helloInterval);
    this.#context.emit(this.connection.tunnelUp(this.#link.channel.peerWindow));
    this.#milestone('tunnel established');
    this.calls.tunnelOpen(now);
  }

  /** A HELLO goes out when nothing at all came in for the interval, and nothing is on its way. */
  #hello(now: Instant): void {
    const { helloInterval } = this.#context.config;
    const due = this.#heardAt + helloInterval;
    if (due <= now && this.#link.channel.pending === 0) this.send('HELLO', {});
    this.#timers.set('hello', due > now ? due : now + helloInterval);
  }

  #watchEmpty(now: Instant): void {
    const { emptyTunnelTimeout } = this.#context.config;
    if (!this.established || emptyTunnelTimeout === 0) return;
    if (this.calls.size > 0) this.#timers.clear('empty');
    else if (!this.#timers.isSet('empty')) this.#timers.set('empty', now + emptyTunnelTimeout);
  }

  #acknowledged({ name, subject }: Sent, now: Instant): void {
    if (name === 'CDN') {
      this.calls.disconnected(subject);
      this.#stopWhenEmpty(now);
    } else if (name === 'StopCCN' && this.#phase === 'stopping') {
      this.#milestone('StopCCN acknowledged');
      this.#finish(this.#ending!, now);
    }
  }

  #stopWhenEmpty(now: Instant): void {
    if (this.#phase !== 'closing' || this.calls.size > 0) return;
    this.#stop(stopResultFor(this.#ending!.failure), this.#ending!, now);
  }

  #refuse(refusal: Refusal | undefined, now: Instant): void {
    if (refusal !== undefined && this.#phase === 'live') {
      this.#stop(refusal.result, { by: 'local', failure: refusal.failure }, now);
    }
  }

  /** Sends StopCCN; the end is reported when it is acknowledged or the time is up. */
  #stop(resultCode: ResultCode, ending: Ending, now: Instant): void {
    if (this.#phase !== 'live' && this.#phase !== 'closing') return;
    if (this.#phase === 'live') {
      this.#timers.clearAll();
      this.#timers.set('close', now + this.#context.config.closeTimeout);
    }
    this.#timers.clear('abandonCalls');
    this.#phase = 'stopping';
    this.#ending = ending;
    this.calls.dropAll(ending.by, ending.failure);
    this.#link.channel.dropUnsent();
    this.announce('StopCCN', { assignedTunnelId: this.id, resultCode });
  }

  /** Over for the owner; what the peer repeats is acknowledged for a retransmission cycle. RFC 2661 §5.7. */
  #finish(ending: Ending, now: Instant): void {
    this.#report(ending);
    this.#phase = 'lingering';
    this.#timers.clearAll();
    this.#timers.set('linger', now + fullCycle(this.#context.config));
    this.#link.channel.silence();
  }

  #report({ by, failure }: Ending): void {
    this.calls.dropAll(by, failure);
    this.#context.emit({ type: 'tunnelDown', tunnel: this.id, by, reason: failure });
  }

  announce<Name extends MessageName>(name: Name, body: MessageBody<Name>): void {
    this.#milestone(`${name} sent`);
    this.send(name, body);
  }

  #milestone(name: string): void {
    this.#context.emit({ type: 'milestone', tunnel: this.id, name });
  }
}
