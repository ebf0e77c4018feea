/** Post-quantum pre-shared keys, mixed in before AUTH is made. RFC 8784 §3. */

import type { Failure } from '../../../core/index.ts';
import { concat, fromUtf8, printable, utf8 } from '../../../wire/index.ts';
import { milestone } from '../../milestone.ts';
import type { Association } from '../association.ts';
import type { Context } from '../context.ts';
import type { IkeSa } from '../ikeSa.ts';
import { type IkeKeys, withPostquantumKey } from '../keys.ts';
import { type AuthPayload, type NotifyPayload, NotifyType, notify } from '../payloads/index.ts';
import { findNotify, type PayloadChain } from '../wire/index.ts';

/** Kind of a PPK_ID: any bytes. RFC 8784 §5.1. */
const PPK_ID_FIXED = 2;
const PPK_ID_OPAQUE = 1;

/** As initiator: the keys with our post-quantum key, where both ends can and we have one. */
export function mixedKeys(context: Context, { keys, sa }: Association): IkeKeys | undefined {
  const { postquantumKeys } = context.config;
  const id = postquantumKeys?.id;
  if (id === undefined || !sa.opening?.postquantumKeys || keys === undefined) return undefined;
  const key = postquantumKeys?.keyFor(id);
  return key && withPostquantumKey(context.crypto, keys, key);
}

/**
 * Why there is no going on without the key that is required here: nothing is said then that only the key would hide. Not
 * so of a session that is resumed: the key went into it when it began.
 */
export function postquantumObstacle({ config }: Context, { opening }: IkeSa): Failure | undefined {
  const { postquantumKeys } = config;
  if (!postquantumKeys?.required || opening === undefined || opening.resumed || opening.postquantumKeys)
    return undefined;
  return REQUIRED;
}

/** As initiator: names the key, and proves ourselves without it too where it may be done without. */
export function postquantumNotifies(context: Context, without: AuthPayload | undefined): readonly NotifyPayload[] {
  const id = context.config.postquantumKeys!.id!;
  return [
    notify(NotifyType.PPK_IDENTITY, concat(Uint8Array.of(PPK_ID_FIXED), utf8(id))),
    ...(without === undefined ? [] : [notify(NotifyType.NO_PPK_AUTH, without.data)]),
  ];
}

/** As initiator: the responder has used the key, or done without. */
export function notePostquantumKey(context: Context, sa: IkeSa, used: boolean): void {
  const id = context.config.postquantumKeys?.id;
  if (id === undefined || sa.opening?.resumed) return;
  sa.usesPostquantumKey = used;
  if (used) milestone(context, sa, 'ppk used', printableId(id));
  else milestone(context, sa, 'ppk not used', 'the peer has none, or not this one');
}

export interface Resolved {
  readonly keys: IkeKeys;
  /** The AUTH payload to be judged. */
  readonly auth: AuthPayload;
  /** The answer says that the key was used. */
  readonly answer: readonly NotifyPayload[];
}

/** As responder: which keys the peer's AUTH was made with. */
export function resolvePostquantum(
  context: Context,
  { keys, sa }: Association,
  chain: Pick<PayloadChain, 'payloads'>,
  auth: AuthPayload,
): Resolved | Failure {
  const { postquantumKeys } = context.config;
  const plain: Resolved = { keys: keys!, auth, answer: [] };
  if (sa.opening?.resumed) return plain;
  const named = sa.opening?.postquantumKeys ? findNotify(chain, NotifyType.PPK_IDENTITY) : undefined;
  if (named === undefined) return postquantumKeys?.required ? REQUIRED : plain;
  const kind = named.data[0];
  const id = kind === PPK_ID_FIXED || kind === PPK_ID_OPAQUE ? fromUtf8(named.data.subarray(1)) : undefined;
  const key = id === undefined ? undefined : postquantumKeys?.keyFor(id, sa.remoteIdentity);
  const without = findNotify(chain, NotifyType.NO_PPK_AUTH);
  const shown = id === undefined ? 'of an unknown kind' : printableId(id);
  if (key !== undefined) {
    sa.usesPostquantumKey = true;
    milestone(context, sa, 'ppk used', shown);
    if (sa.auth !== undefined && without !== undefined) {
      sa.auth.withoutPostquantumKey = { keys: keys!, auth: { ...auth, data: without.data } };
    }
    return {
      keys: withPostquantumKey(context.crypto, keys!, key),
      auth,
      answer: [notify(NotifyType.PPK_IDENTITY)],
    };
  }
  if (postquantumKeys?.required || without === undefined) return unknownKey(shown);
  milestone(context, sa, 'ppk not used', `the peer's ${shown} is not known here`);
  return { ...plain, auth: { ...auth, data: without.data } };
}

/** An id is whatever its sender likes. */
const MOST_SHOWN = 64;
const printableId = (id: string): string => `"${printable(utf8(id), MOST_SHOWN)}"`;

const REQUIRED: Failure = {
  code: 'ppk-required',
  reason: 'the peer has no post-quantum pre-shared key, and one is required',
  remedy: 'Give the peer a post-quantum pre-shared key (PPK) and its id, or do not require one.',
};

const unknownKey = (shown: string): Failure => ({
  code: 'ppk-unknown',
  reason: `the peer names a post-quantum pre-shared key that is not known here: ${shown}`,
  remedy: 'Configure the same post-quantum pre-shared key (PPK) and id on both sides.',
});

export const PPK_NOT_USED: Failure = {
  code: 'ppk-required',
  reason: 'the peer did not use the post-quantum pre-shared key, and one is required',
  remedy: 'Configure the same post-quantum pre-shared key (PPK) and id on both sides.',
};

/** Everything else is right: the peer has shown that without the key too. */
export const PPK_MISMATCH: Failure = {
  code: 'ppk-mismatch',
  reason: 'the post-quantum pre-shared key of the peer is another one than ours of that id',
  remedy: 'Configure the same post-quantum pre-shared key (PPK) on both sides; mind the prefixes 0x and 0s.',
};

/** What a refusal may come of where a key was mixed in. */
export const withPpkRemedy = (failure: Failure): Failure => ({
  ...failure,
  remedy:
    `${failure.remedy ?? ''} The post-quantum pre-shared key (PPK) and its id must be the same on both sides.`.trim(),
});
