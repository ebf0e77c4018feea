/** Quick Mode as its responder: messages 1 and 3 in, message 2 out. RFC 2409 §5.5, RFC 3947 §5. */

import type { Failure, Instant } from '../../core/index.ts';
import { type ChosenEsp, chooseEsp, mismatchText } from '../choose.ts';
import { selectorOf } from '../identity.ts';
import { allocateSpi } from '../inboundSpi.ts';
import { all, encodePayloads, find, type PayloadChain, receivedAfterHash } from '../message.ts';
import type { Selector } from '../output.ts';
import { type IdPayload, NotifyType, type Payload } from '../payloads/index.ts';
import { type Arrival, badNonce, outOfState, type Refusal } from './arrival.ts';
import { confirmChild } from './childSa.ts';
import { deleteIkeSa } from './closing.ts';
import type { Context } from './context.ts';
import type { IkeSa, Secured } from './ikeSa.ts';
import { sendInformational, useMessageId } from './informational.ts';
import { hash1, hash2, hash3, phase2Iv } from './keys.ts';
import { encapsulates } from './natTraversal.ts';
import { espLifetimeNotify, espNotify } from './notifications.ts';
import { isNonceLength, NONCE_BYTES, refusedKey } from './phase1.ts';
import { failed, MAX_QUICK_MODES, type QuickMode } from './quickMode.ts';
import {
  accepted,
  badHash,
  install,
  keyPayloads,
  open,
  originalAddresses,
  type Pfs,
  protect,
  verifies,
} from './quickModeMessage.ts';
import { transmitUntilAnswered } from './transmission.ts';

/** Message 1 in. */
export function onQuickMode1(context: Context, sa: IkeSa, arrival: Arrival, now: Instant): Refusal {
  const { secured } = sa;
  if (secured === undefined) return outOfState;
  const { messageId } = arrival.message.header;
  if (messageId === 0 || sa.usedMessageIds.has(messageId)) {
    return { code: 'replayed', reason: `message id ${messageId} has been used` };
  }
  const iv = phase2Iv(context.crypto, secured.keys, secured.lastBlock, messageId);
  const opened = open(context, secured, iv, arrival, 'quickMode1');
  if (opened.chain === undefined) return opened;
  const { chain, nextIv } = opened;
  const expected = hash1(context.crypto, secured.keys, messageId, receivedAfterHash(chain));
  if (!verifies(context, chain, expected)) return badHash;
  accepted(context, sa, arrival, chain, 'quickMode1', now);
  useMessageId(sa, messageId);
  if (!sa.established) return { code: 'ike-sa-deleted', reason: 'the IKE SA is deleted' };
  if (sa.expired) {
    sendInformational(context, sa, [deleteIkeSa(sa)]);
    return { code: 'ike-sa-expired', reason: 'the IKE SA is past its lifetime, the peer has to begin a new one' };
  }
  if (sa.quickModes.size >= MAX_QUICK_MODES) return { code: 'too-many', reason: 'too many Quick Modes at a time' };
  const nonce = find(chain, 'NONCE')!.data.slice();
  if (!isNonceLength(nonce)) return badNonce;
  const asked = consider(context, sa, secured, chain);
  if ('failure' in asked) {
    const { failure, notifyType } = asked;
    context.emit({ type: 'ikeFailed', ikeSa: sa.id, remote: sa.remote, failure });
    sendInformational(context, sa, [espNotify(notifyType, asked.spi)]);
    return undefined;
  }
  const quickMode: QuickMode = {
    messageId,
    role: 'responder',
    state: { name: 'computing' },
    iv: nextIv,
    outstanding: undefined,
  };
  sa.quickModes.set(messageId, quickMode);
  const finish = (later: Instant, pfs?: Pfs) => {
    if (sa.established) answer(context, sa, quickMode, secured, asked, nonce, arrival, later, pfs);
  };
  const group = asked.chosen.pfs;
  if (group === undefined) {
    finish(now);
    return undefined;
  }
  const peerPublicValue = find(chain, 'KE')!.data.slice();
  context.ask(sa, { kind: 'generateKey', group }, ({ keyPair }) => {
    const { privateValue } = keyPair;
    context.ask(sa, { kind: 'deriveSecret', group, privateValue, peerPublicValue }, ({ secret }, later) => {
      if (secret !== undefined) return finish(later, { group, keyPair, secret });
      failed(context, sa, quickMode, refusedKey);
      sendInformational(context, sa, [espNotify(NotifyType.INVALID_KEY_INFORMATION, asked.chosen.peerSpi)]);
    });
  });
  return undefined;
}

interface Asked {
  readonly chosen: ChosenEsp;
  readonly local: Selector;
  readonly remote: Selector;
  readonly ids: readonly IdPayload[];
}

interface Declined {
  readonly failure: Failure;
  readonly notifyType: number;
  readonly spi: number;
}

/** Whether we want what message 1 asks for. */
function consider(context: Context, sa: IkeSa, secured: Secured, chain: PayloadChain): Asked | Declined {
  const offered = find(chain, 'SA')!;
  const udpEncapsulation = encapsulates(context, sa);
  const chosen = chooseEsp(offered, context.config.profile.accept.esp, { udpEncapsulation });
  if (chosen.type === 'mismatch') {
    const failure = {
      code: 'no-proposal-chosen',
      reason: `Quick Mode: ${mismatchText(chosen)}`,
      ...(chosen.profile !== undefined && { remedy: `Use the profile '${chosen.profile}' for this listener.` }),
    };
    return { failure, notifyType: NotifyType.NO_PROPOSAL_CHOSEN, spi: 0 };
  }
  if ((chosen.pfs !== undefined) !== (find(chain, 'KE') !== undefined)) {
    const reason = 'Quick Mode: the KE payload and the PFS group of the proposal contradict each other';
    return { failure: { code: 'malformed', reason }, notifyType: NotifyType.NO_PROPOSAL_CHOSEN, spi: chosen.peerSpi };
  }
  const ids = all(chain, 'ID');
  const selectors = selectorsOf(sa, ids);
  const failure =
    selectors === undefined
      ? { code: 'invalid-selectors', reason: 'Quick Mode: the identities are not two addresses or subnets' }
      : context.config.acceptSelectors({
          ...selectors,
          mode: chosen.mode,
          remoteIdentity: secured.remoteIdentity,
        });
  if (failure !== undefined) {
    return { failure, notifyType: NotifyType.INVALID_ID_INFORMATION, spi: chosen.peerSpi };
  }
  return { chosen, ...selectors!, ids };
}

/** Identities that are left out are the addresses of the two ends. RFC 2409 §5.5. */
function selectorsOf(sa: IkeSa, ids: readonly IdPayload[]): { local: Selector; remote: Selector } | undefined {
  if (ids.length === 0) return { local: wholeHost(sa.local.address), remote: wholeHost(sa.remote.address) };
  const [remote, local] = ids.map(selectorOf);
  return remote === undefined || local === undefined ? undefined : { local, remote };
}

const wholeHost = (address: string): Selector => ({ address, protocol: 0, port: 0 });

/** Message 2, out; the child SA works before the peer can use it. */
function answer(
  context: Context,
  sa: IkeSa,
  quickMode: QuickMode,
  { keys }: Secured,
  { chosen, local, remote, ids }: Asked,
  initiatorNonce: Uint8Array,
  { digest }: Arrival,
  now: Instant,
  pfs: Pfs | undefined,
): void {
  const { messageId } = quickMode;
  const spi = allocateSpi(context, sa);
  const nonces = { initiator: initiatorNonce, responder: context.random(NONCE_BYTES) };
  const child = install(context, sa, keys, { role: 'responder', chosen, spi, local, remote, nonces, pfs }, now);
  const payloads: Payload[] = [
    chosen.answer(spi),
    { kind: 'NONCE', data: nonces.responder },
    ...keyPayloads(pfs?.keyPair),
    ...ids,
    ...originalAddresses(context, sa, 'responder'),
    ...(chosen.shortened ? [espLifetimeNotify(spi, chosen.lifetimeSeconds, chosen.lifetimeKilobytes)] : []),
  ];
  const data = hash2(context.crypto, keys, messageId, nonces.initiator, encodePayloads(payloads));
  const message = protect(context, sa, quickMode, 'quickMode2', [{ kind: 'HASH', data }, ...payloads], keys.cipher);
  quickMode.state = { name: 'answered', nonces, child };
  sa.answered.remember(digest, message, now);
  quickMode.outstanding = transmitUntilAnswered(context, sa, message, `quickMode:${messageId}`, now);
}

/** Message 3 in: the peer has proved that it lives, the child SA may be sent on. */
export function onQuickMode3(
  context: Context,
  sa: IkeSa,
  quickMode: QuickMode,
  arrival: Arrival,
  now: Instant,
): Refusal {
  const { secured } = sa;
  const { state, messageId } = quickMode;
  if (secured === undefined || state.name !== 'answered') return outOfState;
  const opened = open(context, secured, quickMode.iv, arrival, 'quickMode3');
  if (opened.chain === undefined) return opened;
  if (!verifies(context, opened.chain, hash3(context.crypto, secured.keys, messageId, state.nonces))) return badHash;
  accepted(context, sa, arrival, opened.chain, 'quickMode3', now);
  sa.quickModes.delete(messageId);
  sa.timers.clear(`quickMode:${messageId}`);
  if (sa.quickModes.size === 0) sa.answered.arrived();
  confirmChild(context, state.child, now);
  return undefined;
}
