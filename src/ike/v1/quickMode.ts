/** One Quick Mode: its record, whose turn it is, and what happens when nobody answers. RFC 2409 §5.5. */

import type { Failure, Instant } from '../../core/index.ts';
import type { KeyPair } from '../../crypto/index.ts';
import { NotifyType } from '../payloads/index.ts';
import { espSuiteText } from '../proposal.ts';
import { type Arrival, outOfState, type Refusal } from './arrival.ts';
import { type Child, dropChild } from './childSa.ts';
import type { Context } from './context.ts';
import type { IkeSa, WantedChild } from './ikeSa.ts';
import type { Nonces } from './keys.ts';
import { onQuickMode2 } from './quickModeInitiator.ts';
import { spiBytes } from './quickModeMessage.ts';
import { onQuickMode1, onQuickMode3 } from './quickModeResponder.ts';
import type { Outstanding } from './retransmission.ts';
import { repeat, transmit } from './transmission.ts';

/** Quick Modes under way on one IKE SA. */
export const MAX_QUICK_MODES = 8;

type QuickModeState =
  | { readonly name: 'computing' }
  /** Initiator: message 1 is sent. */
  | {
      readonly name: 'offered';
      readonly nonce: Uint8Array;
      readonly spi: number;
      readonly wanted: WantedChild;
      readonly keyPair: KeyPair | undefined;
    }
  /** Responder: message 2 is sent. */
  | { readonly name: 'answered'; readonly nonces: Nonces; readonly child: Child };

export interface QuickMode {
  readonly messageId: number;
  readonly role: 'initiator' | 'responder';
  state: QuickModeState;
  /** IV of the next message. */
  iv: Uint8Array;
  outstanding: Outstanding | undefined;
}

/** Any message of Quick Mode, in. */
export function receiveQuickMode(context: Context, sa: IkeSa, arrival: Arrival, now: Instant): Refusal {
  const { messageId } = arrival.message.header;
  const quickMode = sa.quickModes.get(messageId);
  if (quickMode === undefined) return onQuickMode1(context, sa, arrival, now);
  if (quickMode.state.name === 'offered') return onQuickMode2(context, sa, quickMode, arrival, now);
  if (quickMode.state.name === 'answered') return onQuickMode3(context, sa, quickMode, arrival, now);
  return outOfState;
}

/** The answer did not come in time: again, or never. */
export function onQuickModeTimer(context: Context, sa: IkeSa, messageId: number, now: Instant): void {
  const quickMode = sa.quickModes.get(messageId);
  if (quickMode?.outstanding === undefined) return;
  if (sa.unconfirmed !== undefined) transmit(context, sa, sa.unconfirmed);
  if (repeat(context, sa, quickMode.outstanding, `quickMode:${messageId}`, now)) return;
  const reason = 'Quick Mode: the peer did not answer';
  failed(context, sa, quickMode, { code: 'peer-not-responding', reason });
}

/** The peer refused with an authenticated notification: it names our SPI, or there is one Quick Mode that it can mean. */
export function refusedByPeer(context: Context, sa: IkeSa, notifyType: number, name: string, spi: Uint8Array): void {
  const offered = [...sa.quickModes.values()].filter(({ state }) => state.name === 'offered');
  const named = offered.find(
    ({ state }) => state.name === 'offered' && spi.length === 4 && spi.join() === spiBytes(state.spi).join(),
  );
  const quickMode = named ?? (offered.length === 1 ? offered[0] : undefined);
  if (quickMode === undefined) return;
  const suites = context.config.profile.offer.esp.suites.map((suite) => espSuiteText(suite)).join(', ');
  const failure: Failure =
    notifyType === NotifyType.NO_PROPOSAL_CHOSEN
      ? {
          code: 'no-proposal-chosen',
          reason: `Quick Mode: the peer accepts none of what was offered: ${suites}`,
          remedy: 'Configure an ESP proposal and a PFS group that the server accepts.',
        }
      : { code: 'peer-refused', reason: `Quick Mode: the peer answered with ${name}` };
  failed(context, sa, quickMode, failure);
}

/** Ends a Quick Mode that came to nothing. */
export function failed(context: Context, sa: IkeSa, quickMode: QuickMode, failure: Failure): void {
  if (!sa.quickModes.delete(quickMode.messageId)) return;
  sa.timers.clear(`quickMode:${quickMode.messageId}`);
  if (quickMode.state.name === 'answered') dropChild(context, quickMode.state.child, failure);
  context.emit({ type: 'ikeFailed', ikeSa: sa.id, remote: sa.remote, failure });
}
