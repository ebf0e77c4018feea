/** Finding NAT between two IKE peers, and the original addresses behind it. RFC 3947 §3.2 and §5.2. */

import type { Endpoint } from '../core/index.ts';
import type { Crypto, HashName } from '../crypto/index.ts';
import { sameBytes } from '../wire/index.ts';
import { addressBytes, addressText } from './address.ts';
import type { NatSituation } from './output.ts';
import { IdType, type NatDPayload, type NatOaPayload } from './payloads/index.ts';
import type { Cookies } from './v1/keys.ts';
import type { NatTraversal } from './vendorIds.ts';

/** HASH(CKY-I | CKY-R | IP | Port) with the negotiated hash. @throws RangeError where `address` is no IP address */
export function natDetectionHash(crypto: Crypto, hash: HashName, cookies: Cookies, endpoint: Endpoint): Uint8Array {
  const address = addressBytes(endpoint.address);
  if (address === undefined) throw new RangeError(`'${endpoint.address}' is no IP address`);
  const port = Uint8Array.of(endpoint.port >>> 8, endpoint.port);
  return crypto.hash(hash, cookies.initiator, cookies.responder, address, port);
}

/** Who asks, who is asked, and under which cookies. */
export interface NatDetectionContext {
  readonly hash: HashName;
  readonly cookies: Cookies;
  /** Our address and port as this exchange sees them. */
  readonly local: Endpoint;
  readonly remote: Endpoint;
  /** Pretend that we are behind a NAT, so that both sides encapsulate in UDP. */
  readonly force?: boolean;
}

/** The payloads to send: first the hash of the remote end, then that of ours. A forced one matches no address. */
export function natDetectionPayloads(
  crypto: Crypto,
  { hash, cookies, local, remote, force = false }: NatDetectionContext,
  traversal: Pick<NatTraversal, 'natD'>,
): readonly NatDPayload[] {
  const payload = (endpoint: Endpoint): NatDPayload => {
    const digest = natDetectionHash(crypto, hash, cookies, endpoint);
    return traversal.natD === FIRST_NUMBER
      ? { kind: 'NAT-D', hash: digest }
      : { kind: 'NAT-D', number: traversal.natD, hash: digest };
  };
  return [payload(remote), payload(force ? { ...local, port: 0 } : local)];
}

/**
 * What the peer's payloads say: the first is the hash of our end as it sees it, the others are of its own addresses.
 * @returns undefined where there are fewer than two, so nothing was detected
 */
export function evaluateNatDetection(
  crypto: Crypto,
  { hash, cookies, local, remote, force = false }: NatDetectionContext,
  received: readonly NatDPayload[],
): NatSituation | undefined {
  const [ours, ...theirs] = received;
  if (ours === undefined || theirs.length === 0) return undefined;
  const remoteHash = natDetectionHash(crypto, hash, cookies, remote);
  return {
    localBehindNat: force || !sameBytes(ours.hash, natDetectionHash(crypto, hash, cookies, local)),
    remoteBehindNat: !theirs.some((payload) => sameBytes(payload.hash, remoteHash)),
  };
}

/** A NAT-OA payload. @throws RangeError where `address` is no IP address */
export function originalAddressPayload(address: string, traversal: Pick<NatTraversal, 'natOa'>): NatOaPayload {
  const bytes = addressBytes(address);
  if (bytes === undefined) throw new RangeError(`'${address}' is no IP address`);
  const idType = bytes.length === 4 ? IdType.ID_IPV4_ADDR : IdType.ID_IPV6_ADDR;
  const number = traversal.natOa === FIRST_OA_NUMBER ? {} : { number: traversal.natOa };
  return { kind: 'NAT-OA', ...number, idType, address: bytes };
}

/** The address of a NAT-OA payload; undefined where its length is not its type's. */
export function originalAddress({ idType, address }: NatOaPayload): string | undefined {
  const expected = { [IdType.ID_IPV4_ADDR]: 4, [IdType.ID_IPV6_ADDR]: 16 }[idType];
  return address.length === expected ? addressText(address) : undefined;
}

const FIRST_NUMBER = 20;
const FIRST_OA_NUMBER = 21;
