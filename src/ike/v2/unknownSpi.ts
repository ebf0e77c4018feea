/** ESP for an SA that is not there: who shares keys with us and sends it from there is asked whether it lives. RFC 4301 §5.2, RFC 7296 §1.5. */

import type { Instant } from '../../core/index.ts';
import type { IkeCommand } from '../output.ts';
import { NO_SPI } from './association.ts';
import { spiBytes } from './childSa.ts';
import type { Context } from './context.ts';
import { samePath } from './natTraversal.ts';
import { ExchangeType, NotifyType, notify } from './payloads/index.ts';
import { enqueue, isAsking } from './requests.ts';
import { freshSpi } from './spis.ts';
import { summaryOf } from './transmission.ts';
import { encodeMessage } from './wire/index.ts';

type UnknownSpi = Extract<IkeCommand, { type: 'unknownSpi' }>;

/** IKE has this port where ESP is not in UDP. */
const IKE_PORT = 500;
/** Non-ESP marker, header and notification: an answer in the clear is no longer than what it answers. */
const ANSWER_BYTES = 48;

/** Tells the sender: under the keys that it shares with us, else in the clear and seldom. */
export function tellUnknownSpi(context: Context, { spi, bytes, ...source }: UnknownSpi, now: Instant): void {
  if (!context.notifyLimit.allows(`${source.remote.address}|${source.remote.port}`, now)) return;
  const local = { ...source.local, port: source.local.port || IKE_PORT };
  const remote = { ...source.remote, port: source.remote.port || IKE_PORT };
  // INVALID_SPI carries the SPI as data: there is no SA whose SPI could stand in its field. RFC 7296 §3.10.1.
  const payload = notify(NotifyType.INVALID_SPI, spiBytes(spi));
  for (const sa of context.sas.values()) {
    if (!sa.established || !samePath(sa, { local, remote })) continue;
    if (isAsking(sa.association)) return;
    const task = {
      name: 'name an unknown SPI',
      exchange: ExchangeType.INFORMATIONAL,
      begin: () => [payload],
      done: () => undefined,
    };
    enqueue(context, sa.association, task, now);
    return;
  }
  if (bytes < ANSWER_BYTES) return;
  const head = { exchange: ExchangeType.INFORMATIONAL, messageId: 0, response: false };
  const answer = encodeMessage(
    { ...head, initiatorSpi: freshSpi(context), responderSpi: NO_SPI, fromInitiator: true },
    [payload],
  );
  const fields = { remote, bytes: answer.length };
  const summary = `${summaryOf(head, [payload])} in the clear`;
  context.emit({ type: 'trace', layer: 'ike', direction: 'out', summary, fields });
  context.emit({ type: 'send', local, remote, bytes: answer });
}
