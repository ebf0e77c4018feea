/** What the vendor ids of a peer say that it can do, and what ours say. RFC 3947 §3.1, RFC 3706 §5.1. */

import type { PayloadChain } from '../message.ts';
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
}

export const UNKNOWN_ABILITIES: PeerAbilities = {
  natTraversal: undefined,
  deadPeerDetection: false,
  fragmentation: false,
  vendorIds: [],
};

export function abilitiesOf(chain: PayloadChain): PeerAbilities {
  return {
    natTraversal: natTraversalOf(chain),
    deadPeerDetection: hasVendorId(chain, 'deadPeerDetection'),
    fragmentation: canReassemble(chain),
    vendorIds: vendorIdTexts(chain),
  };
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
