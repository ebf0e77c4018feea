/** Rekeying the IKE SA as responder, and what its collisions come to. RFC 7296 §1.3.2, §2.8.2, §2.25.2. */

import type { Instant } from '../../../core/index.ts';
import { mismatchText } from '../../choose.ts';
import type { Association } from '../association.ts';
import type { Context } from '../context.ts';
import { refusedKey } from '../failures.ts';
import type { IkeSa } from '../ikeSa.ts';
import { agree } from '../keyAgreement.ts';
import { isNonceLength, lowest, NONCE_BYTES } from '../nonces.ts';
import { NotifyType, notify } from '../payloads/index.ts';
import { type ChosenIkeV2, chooseIkeV2, invalidKeData } from '../proposalChoice.ts';
import { groupOf } from '../proposalTransforms.ts';
import { freshSpi } from '../spis.ts';
import { respond } from '../transmission.ts';
import { find, type PayloadChain } from '../wire/index.ts';
import { awaitFollowUp } from './followupKe.ts';
import { remedyFor } from './newcomer.ts';
import { addGeneration, RETIRE_AFTER, succeed } from './rekeyIke.ts';

export function onRekeyIke(context: Context, association: Association, chain: PayloadChain, now: Instant) {
  const { sa } = association;
  const say = (type: number, data?: Uint8Array) => respond(context, association, [notify(type, data)], now);
  // It is renewed or ended already, or a child SA is being made or ended. RFC 7296 §2.25.1, §2.25.2.
  const busy = sa.creating > 0 || sa.closingSpis.size > 0;
  if (association !== sa.association || association.state !== 'live' || busy) return say(NotifyType.TEMPORARY_FAILURE);
  const offered = find(chain, 'SA')!;
  const ke = find(chain, 'KE');
  const nonce = find(chain, 'Nonce');
  if (ke === undefined || nonce === undefined || !isNonceLength(nonce.data)) return say(NotifyType.INVALID_SYNTAX);
  const choice = { keGroup: ke.group, additional: true, rekey: true };
  const chosen = chooseIkeV2(offered, context.config.profile.accept.ike, choice);
  if (chosen.type === 'mismatch') {
    const reason = `rekeying of the IKE SA: ${mismatchText(chosen)}`;
    const failure = { code: 'no-proposal-chosen', reason, remedy: remedyFor(chosen.profile) };
    context.emit({ type: 'ikeFailed', ikeSa: sa.id, remote: sa.remote, failure });
    return say(NotifyType.NO_PROPOSAL_CHOSEN);
  }
  const { group } = chosen.proposal;
  if (groupOf(ke.group) !== group) return say(NotifyType.INVALID_KE_PAYLOAD, invalidKeData(group));
  const nonces = { initiator: nonce.data.slice(), responder: context.random(NONCE_BYTES) };
  agree(context, sa, group, ke.data.slice(), (agreed, later) => {
    if (agreed === undefined) {
      context.emit({ type: 'ikeFailed', ikeSa: sa.id, remote: sa.remote, failure: refusedKey });
      respond(context, association, [notify(NotifyType.INVALID_SYNTAX)], later);
      return;
    }
    if (association !== sa.association || association.state !== 'live') {
      // Our own renewal was through before the keys of the peer's were there: this one is closed already. RFC 7296 §2.25.2.
      respond(context, association, [notify(NotifyType.TEMPORARY_FAILURE)], later);
      return;
    }
    const spi = freshSpi(context);
    const complete = (secrets: readonly Uint8Array[], last: Instant) =>
      take(context, association, chosen, spi, nonces, secrets, last);
    const asked = { groups: chosen.proposal.additional, secrets: [agreed.secret], replaced: undefined, complete };
    const more = awaitFollowUp(context, association, asked, later);
    const answer = [
      chosen.answer(spi),
      { kind: 'Nonce', data: nonces.responder },
      { kind: 'KE', group: ke.group, data: agreed.publicValue },
      ...more,
    ] as const;
    respond(context, association, answer, later);
    if (more.length === 0) complete([agreed.secret], later);
  });
}

function take(
  context: Context,
  old: Association,
  chosen: ChosenIkeV2,
  spi: Uint8Array,
  nonces: { readonly initiator: Uint8Array; readonly responder: Uint8Array },
  secrets: readonly Uint8Array[],
  now: Instant,
): void {
  const { sa } = old;
  const spis = { initiator: chosen.peerSpi.slice(), responder: spi };
  const made = addGeneration(context, old, false, chosen, spis, nonces, secrets);
  const lowestNonce = lowest(nonces.initiator, nonces.responder);
  if (sa.rekey !== undefined) {
    sa.rekey.rival = { association: made, lowestNonce };
    return;
  }
  succeed(context, sa, made, now);
  sa.timers.set(`retire:${old.serial}`, now + RETIRE_AFTER);
}

/**
 * The peer deletes a generation.
 * @returns whether another one has taken its place, so that the IKE SA goes on
 */
export function settleOnDelete(context: Context, sa: IkeSa, deleted: Association, now: Instant): boolean {
  const rival = sa.rekey?.rival?.association;
  if (rival === undefined) return deleted !== sa.association;
  if (deleted === rival) {
    // The peer has seen both and gives way.
    sa.rekey!.rival = undefined;
    return true;
  }
  if (deleted !== sa.association) return true;
  // It has seen ours and answered it, and is the one to delete the old one: the nonces decide in a moment.
  if (deleted.current?.answered) return true;
  // The peer did not see our request: it is forgotten. RFC 7296 §2.8.2.
  sa.rekey = undefined;
  succeed(context, sa, rival, now);
  return true;
}
