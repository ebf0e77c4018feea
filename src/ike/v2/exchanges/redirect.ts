/** Sending clients to another gateway, and being sent. RFC 5685. */

import type { Instant } from '../../../core/index.ts';
import { concat, sameBytes } from '../../../wire/index.ts';
import { milestone } from '../../milestone.ts';
import type { IkeCommand, IkeDatagram } from '../../output.ts';
import type { Task } from '../association.ts';
import { closeAndTell, closed } from '../closing.ts';
import type { Context } from '../context.ts';
import type { IkeSa } from '../ikeSa.ts';
import { ExchangeType, type NotifyPayload, NotifyType, notify } from '../payloads/index.ts';
import { enqueue } from '../requests.ts';
import { findNotify, type Message, type PayloadChain } from '../wire/index.ts';
import { gatewayIdentity, readGatewayIdentity } from './gatewayIdentity.ts';

/** How long a client that was sent away as it authenticated itself may take to leave. */
const LEAVES_WITHIN = 30_000;

/** As responder, to the first message of a peer that follows redirects; its nonce shows that we have read it. §3. */
export function redirectNotify(
  { config }: Context,
  { message, datagram }: { readonly message: Message; readonly datagram: IkeDatagram },
  nonce: Uint8Array,
): NotifyPayload | undefined {
  const follows =
    findNotify(message, NotifyType.REDIRECT_SUPPORTED) !== undefined ||
    findNotify(message, NotifyType.REDIRECTED_FROM) !== undefined;
  if (!follows) return undefined;
  const gateway = config.redirect?.({ local: datagram.local, remote: datagram.remote });
  return gateway === undefined ? undefined : notify(NotifyType.REDIRECT, concat(gatewayIdentity(gateway), nonce));
}

/** As responder, to a peer that has just proved itself: where it is to go instead of getting a child SA. §6. */
export function redirectAuthenticated({ config }: Context, sa: IkeSa): string | undefined {
  if (!sa.peer.redirect) return undefined;
  const { local, remote, remoteIdentity, user } = sa;
  return config.redirect?.({
    local,
    remote,
    ...(remoteIdentity !== undefined && { identity: remoteIdentity }),
    ...(user !== undefined && { user }),
  });
}

/** REDIRECT within protection. Where the peer has not left in time, we end the IKE SA. */
export function sentAway(
  context: Context,
  sa: IkeSa,
  gateway: string,
  now: Instant,
  within: number = LEAVES_WITHIN,
): NotifyPayload {
  sa.redirectedTo = gateway;
  milestone(context, sa, 'sent to another gateway', gateway);
  sa.timers.set('redirected', now + within);
  return notify(NotifyType.REDIRECT, gatewayIdentity(gateway));
}

/** As responder, in the middle of a session. §5. */
export function sendRedirect(
  context: Context,
  sa: IkeSa,
  { gateway, within }: Extract<IkeCommand, { readonly type: 'redirect' }>,
  now: Instant,
): void {
  if (!sa.established || sa.role !== 'responder' || !sa.peer.redirect || sa.redirectedTo !== undefined) return;
  const redirect = sentAway(context, sa, gateway, now, within);
  const task: Task = {
    name: 'redirect',
    exchange: ExchangeType.INFORMATIONAL,
    begin: () => [redirect],
    done: () => undefined,
  };
  enqueue(context, sa.association, task, now);
}

/** As initiator, in the answer to the first message. @returns whether we go elsewhere */
export function followRedirect(context: Context, sa: IkeSa, message: Message, nonce: Uint8Array): boolean {
  const notified = findNotify(message, NotifyType.REDIRECT);
  if (notified === undefined || !context.config.followRedirects) return false;
  const read = readGatewayIdentity(notified.data);
  if (read === undefined || !sameBytes(read.rest, nonce)) return false;
  context.emit({ type: 'redirected', ikeSa: sa.id, gateway: read.gateway });
  closed(context, sa, redirectedTo(read.gateway));
  return true;
}

/** In a protected message. */
export function redirectOf(chain: Pick<PayloadChain, 'payloads'>): string | undefined {
  const notified = findNotify(chain, NotifyType.REDIRECT);
  return notified && readGatewayIdentity(notified.data)?.gateway;
}

/** As initiator, once the IKE SA stands: goes elsewhere. §6. */
export function takeRedirect(context: Context, sa: IkeSa, gateway: string, now: Instant): void {
  if (!context.config.followRedirects) return;
  context.emit({ type: 'redirected', ikeSa: sa.id, gateway });
  closeAndTell(context, sa, redirectedTo(gateway), now);
}

/** The gateway sends us away in the middle of a session. §5. */
export function onRedirect(context: Context, sa: IkeSa, chain: PayloadChain, now: Instant): void {
  const gateway = sa.role === 'initiator' ? redirectOf(chain) : undefined;
  if (gateway !== undefined) takeRedirect(context, sa, gateway, now);
}

/** Why an IKE SA ends at either end of it. */
export const redirectedTo = (gateway: string) => ({
  code: 'redirected',
  reason: `the gateway sends this client to ${gateway}`,
});
