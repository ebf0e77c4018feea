/** Post-quantum pre-shared keys, mixed in before AUTH is made. RFC 8784 §3. */

import type { Failure } from '../../../core/index.ts';
import { concat, fromUtf8, utf8 } from '../../../wire/index.ts';
import type { Association } from '../association.ts';
import type { Context } from '../context.ts';
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

/** As initiator: names the key, and proves ourselves without it too where it may be done without. */
export function postquantumNotifies(context: Context, without: AuthPayload | undefined): readonly NotifyPayload[] {
  const id = context.config.postquantumKeys!.id!;
  return [
    notify(NotifyType.PPK_IDENTITY, concat(Uint8Array.of(PPK_ID_FIXED), utf8(id))),
    ...(without === undefined ? [] : [notify(NotifyType.NO_PPK_AUTH, without.data)]),
  ];
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
  const named = sa.opening?.postquantumKeys ? findNotify(chain, NotifyType.PPK_IDENTITY) : undefined;
  if (named === undefined) return postquantumKeys?.required ? REQUIRED : { keys: keys!, auth, answer: [] };
  const kind = named.data[0];
  const known = kind === PPK_ID_FIXED || kind === PPK_ID_OPAQUE;
  const key = known ? postquantumKeys?.keyFor(fromUtf8(named.data.subarray(1))) : undefined;
  if (key !== undefined) {
    return {
      keys: withPostquantumKey(context.crypto, keys!, key),
      auth,
      answer: [notify(NotifyType.PPK_IDENTITY)],
    };
  }
  const without = findNotify(chain, NotifyType.NO_PPK_AUTH);
  if (postquantumKeys?.required || without === undefined) return UNKNOWN;
  return { keys: keys!, auth: { ...auth, data: without.data }, answer: [] };
}

const REQUIRED: Failure = {
  code: 'ppk-required',
  reason: 'the peer has no post-quantum pre-shared key, and one is required',
  remedy: 'Give the peer a post-quantum pre-shared key (PPK) and its id, or do not require one.',
};

const UNKNOWN: Failure = {
  code: 'ppk-unknown',
  reason: 'the peer names a post-quantum pre-shared key that is not configured here',
  remedy: 'Configure the same post-quantum pre-shared key (PPK) and id on both sides.',
};

export const PPK_NOT_USED: Failure = {
  code: 'ppk-required',
  reason: 'the peer did not use the post-quantum pre-shared key, and one is required',
  remedy: 'Configure the same post-quantum pre-shared key (PPK) and id on both sides.',
};
