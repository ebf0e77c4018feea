/** What the vendor ids of a peer say that it can do, and what ours say. RFC 3947 §3.1, RFC 3706 §5.1. */

import { offeredTexts } from '../choose.ts';
import { find, type PayloadChain } from '../message.ts';
import type { VidPayload } from '../payloads/index.ts';
import {
  canReassemble,
  deadPeerDetectionPayload,
  hasVendorId,
  type NatTraversal,
  natTraversalOf,
  natTraversalPayloads,
  vendorIdPayload,
  vendorIdTexts,
} from '../vendorIds.ts';

export interface PeerAbilities {
  readonly natTraversal: NatTraversal | undefined;
  readonly deadPeerDetection: boolean;
  readonly fragmentation: boolean;
  /** For people. */
  readonly vendorIds: readonly string[];
  /** What it offered for phase 1, each in one line; the one answer of a responder. */
  readonly offers: readonly string[];
}

/** Offers that are remembered of a peer. */
const MOST_OFFERS = 32;

export const UNKNOWN_ABILITIES: PeerAbilities = {
  natTraversal: undefined,
  deadPeerDetection: false,
  fragmentation: false,
  vendorIds: [],
  offers: [],
};

export function abilitiesOf(chain: PayloadChain): PeerAbilities {
  const offered = find(chain, 'SA');
  return shared({
    natTraversal: natTraversalOf(chain),
    deadPeerDetection: hasVendorId(chain, 'deadPeerDetection'),
    fragmentation: canReassemble(chain),
    vendorIds: vendorIdTexts(chain),
    offers: offered === undefined ? [] : offeredTexts(offered).slice(0, MOST_OFFERS),
  });
}

/** Kinds of clients are few: what their messages say of them is kept once. */
const kinds = new Map<string, PeerAbilities>();
const MOST_KINDS = 256;

function shared(abilities: PeerAbilities): PeerAbilities {
  const { natTraversal, deadPeerDetection, fragmentation, vendorIds, offers } = abilities;
  const key = JSON.stringify([natTraversal?.name, deadPeerDetection, fragmentation, vendorIds, offers]);
  const known = kinds.get(key);
  if (known !== undefined) return known;
  if (kinds.size < MOST_KINDS) kinds.set(key, abilities);
  return abilities;
}

/** Our vendor ids. An initiator names all dialects of NAT traversal, a responder the one that it chose. */
export function announcements(peer: PeerAbilities | undefined): readonly VidPayload[] {
  const chosen = peer?.natTraversal;
  const natTraversal = chosen === undefined ? [] : [vendorIdPayload(chosen.name)];
  return [
    ...(peer === undefined ? natTraversalPayloads() : natTraversal),
    deadPeerDetectionPayload,
    vendorIdPayload('fragmentation'),
  ];
}
