/** Key exchange by node:crypto, and of the usual MODP groups by OpenSSL directly where that is possible and quicker. */

import type { GroupName, KeyExchange } from '../crypto/index.ts';
import { isBetweenOneAndMinusOne, modpParameters, nodeKeyExchange } from '../crypto/node/index.ts';
import { ModpGroup } from './evp/index.ts';

/** OpenSSL's names of those that are quick enough for the main thread. */
const NAMES: { readonly [Group in GroupName]?: string } = { modp1024: 'modp2', modp1536: 'modp5', modp2048: 'modp14' };

interface Fast {
  readonly group: ModpGroup;
  readonly prime: Uint8Array;
}

/** Made when first needed; undefined where it cannot be, or computes something else. */
const known = new Map<GroupName, Fast | undefined>();

export const systemKeyExchange: KeyExchange = {
  ...nodeKeyExchange,
  generateKey: (group) => fastOf(group)?.group.generateKey() ?? nodeKeyExchange.generateKey(group),
  deriveSecret(group, privateValue, peerPublicValue) {
    const fast = fastOf(group);
    if (fast === undefined) return nodeKeyExchange.deriveSecret(group, privateValue, peerPublicValue);
    if (!isBetweenOneAndMinusOne(peerPublicValue, fast.prime)) return undefined;
    return fast.group.deriveSecret(privateValue, peerPublicValue);
  },
};

function fastOf(name: GroupName): Fast | undefined {
  const openssl = NAMES[name];
  if (openssl === undefined) return undefined;
  if (!known.has(name)) known.set(name, make(name, openssl));
  return known.get(name);
}

function make(name: GroupName, openssl: string): Fast | undefined {
  try {
    const { prime, generator } = modpParameters(openssl);
    if (generator.length !== 1) return undefined;
    const group = new ModpGroup(prime, generator[0]!);
    return agree(name, group) ? { group, prime } : undefined;
  } catch {
    return undefined;
  }
}

function agree(name: GroupName, group: ModpGroup): boolean {
  const own = group.generateKey();
  const peer = nodeKeyExchange.generateKey(name);
  const secret = group.deriveSecret(own.privateValue, peer.publicValue);
  const slow = nodeKeyExchange.deriveSecret(name, own.privateValue, peer.publicValue);
  const ofPeer = nodeKeyExchange.deriveSecret(name, peer.privateValue, own.publicValue);
  const isSame = (other: Uint8Array | undefined) => other?.every((byte, i) => byte === secret[i]) === true;
  return isSame(slow) && isSame(ofPeer);
}
