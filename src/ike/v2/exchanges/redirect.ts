/** Sending clients to another gateway, and being sent. RFC 5685. */

import type { Instant } from '../../../core/index.ts';
import { concat, sameBytes } from '../../../wire/index.ts';
import type { IkeDatagram } from '../../output.ts';
import { closeAndTell, closed } from '../closing.ts';
import type { Context } from '../context.ts';
import type { IkeSa } from '../ikeSa.ts';
import { type NotifyPayload, NotifyType, notify } from '../payloads/index.ts';
import { findNotify, type Message, type PayloadChain } from '../wire/index.ts';
import { gatewayIdentity, readGatewayIdentity } from './gatewayIdentity.ts';

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

const redirectedTo = (gateway: string) => ({
  code: 'redirected',
  reason: `the gateway sends this client to ${gateway}`,
});
