/** Quick Mode as its initiator: messages 1 and 3 out, message 2 in. RFC 2409 §5.5, RFC 3947 §5. */

import type { Failure, Instant } from '../../core/index.ts';
import type { KeyPair } from '../../crypto/index.ts';
import { readEspAnswer } from '../choose.ts';
import { selectorPayload } from '../identity.ts';
import { allocateSpi } from '../inboundSpi.ts';
import { all, encodePayloads, find, type PayloadChain, receivedAfterHash } from '../message.ts';
import { buildEspProposals, encapsulationNumber } from '../offer.ts';
import { NotifyType, type Payload } from '../payloads/index.ts';
import { type Arrival, badNonce, outOfState, type Refusal } from './arrival.ts';
import { confirmChild } from './childSa.ts';
import type { Context } from './context.ts';
import type { IkeSa, Secured, WantedChild } from './ikeSa.ts';
import { freshMessageId, sendInformational } from './informational.ts';
import { hash1, hash2, hash3, phase2Iv } from './keys.ts';
import { encapsulates } from './natTraversal.ts';
import { espNotify, toldLifetime } from './notifications.ts';
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
import { transmit, transmitUntilAnswered } from './transmission.ts';

/** Begins a Quick Mode: message 1, out, after a key pair where PFS is wanted. */
export function initiateQuickMode(context: Context, sa: IkeSa, wanted: WantedChild, now: Instant): void {
  const { secured } = sa;
  if (secured === undefined || sa.quickModes.size >= MAX_QUICK_MODES) return;
  const messageId = freshMessageId(context, sa);
  const iv = phase2Iv(context.crypto, secured.keys, secured.lastBlock, messageId);
  const quickMode: QuickMode = {
    messageId,
    role: 'initiator',
    state: { name: 'computing' },
    iv,
    outstanding: undefined,
  };
  sa.quickModes.set(messageId, quickMode);
  const [group = 'none'] = context.config.profile.offer.esp.pfs;
  if (group === 'none') {
    offer(context, sa, quickMode, secured, wanted, undefined, now);
    return;
  }
  context.ask(sa, { kind: 'generateKey', group }, ({ keyPair }, later) => {
    if (sa.established) offer(context, sa, quickMode, secured, wanted, keyPair, later);
  });
}

/**
 * A peer that renews the IKE SA may answer nothing on the old one any more: what it left unanswered there begins anew on
 * the successor. @returns whether it did
 */
export function restartOnSuccessor(context: Context, sa: IkeSa, messageId: number, now: Instant): boolean {
  const quickMode = sa.quickModes.get(messageId);
  const { current } = sa;
  if (quickMode?.state.name !== 'offered' || current === sa || !current.established) return false;
  sa.quickModes.delete(messageId);
  sa.timers.clear(`quickMode:${messageId}`);
  initiateQuickMode(context, current, quickMode.state.wanted, now);
  return true;
}

function offer(
  context: Context,
  sa: IkeSa,
  quickMode: QuickMode,
  { keys }: Secured,
  wanted: WantedChild,
  keyPair: KeyPair | undefined,
  now: Instant,
): void {
  const nonce = context.random(NONCE_BYTES);
  const spi = allocateSpi(context, sa);
  const dialect = sa.abilities.natTraversal?.encapsulation ?? 'rfc';
  const encapsulation = encapsulationNumber('transport', encapsulates(context, sa) ? dialect : 'none');
  const payloads: Payload[] = [
    buildEspProposals(context.config.profile.offer.esp, encapsulation, spi),
    { kind: 'NONCE', data: nonce },
    ...keyPayloads(keyPair),
    selectorPayload(wanted.localSelector),
    selectorPayload(wanted.remoteSelector),
    ...originalAddresses(context, sa, 'initiator'),
  ];
  const data = hash1(context.crypto, keys, quickMode.messageId, encodePayloads(payloads));
  const message = protect(context, sa, quickMode, 'quickMode1', [{ kind: 'HASH', data }, ...payloads], keys.cipher);
  quickMode.state = { name: 'offered', nonce, spi, wanted, keyPair };
  quickMode.outstanding = transmitUntilAnswered(context, sa, message, `quickMode:${quickMode.messageId}`, now);
}

/** Message 2 in, message 3 out. */
export function onQuickMode2(
  context: Context,
  sa: IkeSa,
  quickMode: QuickMode,
  arrival: Arrival,
  now: Instant,
): Refusal {
  const { secured } = sa;
  const { state, messageId } = quickMode;
  if (secured === undefined || state.name !== 'offered') return outOfState;
  const opened = open(context, secured, quickMode.iv, arrival, 'quickMode2');
  if (opened.chain === undefined) return opened;
  const { chain, nextIv } = opened;
  const expected = hash2(context.crypto, secured.keys, messageId, state.nonce, receivedAfterHash(chain));
  if (!verifies(context, chain, expected)) return badHash;
  accepted(context, sa, arrival, chain, 'quickMode2', now);
  const udpEncapsulation = encapsulates(context, sa);
  const policy = context.config.profile.offer.esp;
  const chosen = readEspAnswer(find(chain, 'SA')!, policy, { udpEncapsulation });
  const nonce = find(chain, 'NONCE')!.data.slice();
  const failure =
    chosen.type === 'mismatch'
      ? { code: 'bad-proposal', reason: 'Quick Mode: the peer chose what was not offered' }
      : badAnswer(chain, state.wanted, state.keyPair !== undefined, nonce);
  if (failure !== undefined || chosen.type === 'mismatch') {
    failed(context, sa, quickMode, failure!);
    sendInformational(context, sa, [espNotify(NotifyType.INVALID_ID_INFORMATION, state.spi)]);
    return undefined;
  }
  quickMode.iv = nextIv;
  quickMode.outstanding = undefined;
  sa.timers.clear(`quickMode:${messageId}`);
  const nonces = { initiator: state.nonce, responder: nonce };
  const agreed = { ...chosen, ...toldLifetime(chain, chosen) };
  const finish = (later: Instant, pfs?: Pfs) => {
    if (!sa.established) return;
    const { spi, wanted } = state;
    const { localSelector: local, remoteSelector: remote } = wanted;
    const child = install(
      context,
      sa,
      secured.keys,
      { role: 'initiator', chosen: agreed, spi, local, remote, nonces, pfs },
      later,
    );
    const data = hash3(context.crypto, secured.keys, messageId, nonces);
    const last = protect(context, sa, quickMode, 'quickMode3', [{ kind: 'HASH', data }], secured.keys.cipher);
    sa.answered.remember(arrival.digest, last, later);
    transmit(context, sa, last);
    sa.quickModes.delete(messageId);
    confirmChild(context, child, later);
  };
  const { keyPair } = state;
  quickMode.state = { name: 'computing' };
  if (keyPair === undefined || agreed.pfs === undefined) {
    finish(now);
    return undefined;
  }
  const group = agreed.pfs;
  const peerPublicValue = find(chain, 'KE')!.data.slice();
  const { privateValue } = keyPair;
  context.ask(sa, { kind: 'deriveSecret', group, privateValue, peerPublicValue }, ({ secret }, later) => {
    if (secret === undefined) failed(context, sa, quickMode, refusedKey);
    else finish(later, { group, keyPair, secret });
  });
  return undefined;
}

/** What else an initiator refuses in message 2. A responder behind a NAT may state its own address. */
function badAnswer(chain: PayloadChain, wanted: WantedChild, pfs: boolean, nonce: Uint8Array): Failure | undefined {
  if (!isNonceLength(nonce)) return { code: 'malformed', reason: badNonce!.reason };
  if (pfs !== (find(chain, 'KE') !== undefined)) {
    return {
      code: 'bad-proposal',
      reason: 'Quick Mode: the peer sent a KE payload where none belongs, or none at all',
    };
  }
  const ids = all(chain, 'ID');
  const asked = [wanted.localSelector, wanted.remoteSelector];
  const same = ids.every(({ protocol, port }, i) => protocol === asked[i]?.protocol && port === asked[i]?.port);
  if (ids.length === 1 || !same) {
    return { code: 'invalid-selectors', reason: 'Quick Mode: the peer answered with other selectors than were asked' };
  }
  return undefined;
}
