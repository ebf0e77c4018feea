/** Public-key work, done outside: with Diffie-Hellman or with a key encapsulation mechanism. RFC 7296 §1.2, RFC 9370. */

import type { Instant } from '../../core/index.ts';
import { type GroupName, isKem, type KeyPair } from '../../crypto/index.ts';
import type { Context } from './context.ts';
import type { IkeSa } from './ikeSa.ts';

/** What an exchange of keys comes to on the side that answers. */
export interface AgreedKey {
  /** For our KE payload. */
  readonly publicValue: Uint8Array;
  readonly secret: Uint8Array;
}

/** The initiator's part before it sends. */
export function generateKey(
  context: Context,
  sa: IkeSa,
  group: GroupName,
  then: (keyPair: KeyPair, now: Instant) => void,
): void {
  context.ask(sa, { type: 'ask', ask: { kind: 'generateKey', group } }, ({ keyPair }, now) => then(keyPair, now));
}

/** The initiator's part when the answer is there. `then` gets undefined where the peer's value was refused. */
export function deriveSecret(
  context: Context,
  sa: IkeSa,
  group: GroupName,
  { privateValue }: KeyPair,
  peerPublicValue: Uint8Array,
  then: (secret: Uint8Array | undefined, now: Instant) => void,
): void {
  const ask = { kind: 'deriveSecret', group, privateValue, peerPublicValue } as const;
  context.ask(sa, { type: 'ask', ask }, ({ secret }, now) => then(secret, now));
}

/** The responder's part. */
export function agree(
  context: Context,
  sa: IkeSa,
  group: GroupName,
  peerPublicValue: Uint8Array,
  then: (agreed: AgreedKey | undefined, now: Instant) => void,
): void {
  if (isKem(group)) {
    context.ask(sa, { type: 'ask', ask: { kind: 'encapsulate', group, peerPublicValue } }, ({ encapsulated }, now) =>
      then(encapsulated && { publicValue: encapsulated.ciphertext, secret: encapsulated.secret }, now),
    );
    return;
  }
  generateKey(context, sa, group, (keyPair) => {
    deriveSecret(context, sa, group, keyPair, peerPublicValue, (secret, now) =>
      then(secret && { publicValue: keyPair.publicValue, secret }, now),
    );
  });
}
