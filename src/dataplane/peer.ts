/** Outer conversations between text and bytes: parsed once per channel, compared per packet, printed for events. */

import type { Endpoint } from '../core/index.ts';
import { formatIpv4, formatIpv6, parseAddress } from '../net/index.ts';
import type { Peer, Source } from './ports.ts';

/**
 * @param once see `Peer`
 * @throws RangeError for text that is no address, or two addresses of different families
 */
export function newPeer(local: Endpoint, remote: Endpoint, once = false): Peer {
  const remoteBytes = readAddress(remote.address);
  const localBytes = sharedAddress(local.address);
  const sameFamily = localBytes.length === remoteBytes.length;
  if (!sameFamily && !isZero(localBytes)) {
    throw new RangeError(`${local.address} and ${remote.address} are of different IP versions`);
  }
  return {
    family: remoteBytes.length === 4 ? 4 : 6,
    local: sameFamily ? localBytes : new Uint8Array(remoteBytes.length),
    localPort: local.port,
    remote: remoteBytes,
    remotePort: remote.port,
    once,
    driver: undefined,
  };
}

/** The way back to where a datagram came from. Copies. */
export function peerOf(source: Source): Peer {
  const length = source.family === 4 ? 4 : 16;
  return {
    family: source.family,
    local: source.local.slice(0, length),
    localPort: source.localPort,
    remote: source.remote.slice(0, length),
    remotePort: source.remotePort,
    once: false,
    driver: undefined,
  };
}

/** Whether a datagram came from the very place that `peer` sends to. An unknown local address counts as the same. */
export function isFrom(source: Source, peer: Peer): boolean {
  if (source.family !== peer.family || source.remotePort !== peer.remotePort) return false;
  return sameAddress(source.remote, peer.remote) && isTo(source, peer);
}

/** As `isFrom` by addresses alone, for ESP without UDP. */
export function isFromHost(source: Source, peer: Peer): boolean {
  return source.family === peer.family && sameAddress(source.remote, peer.remote) && isTo(source, peer);
}

/** A small integer that equal remote ends share. */
export function remoteHash(family: 4 | 6, address: Uint8Array, port: number): number {
  let hash = port;
  const length = family === 4 ? 4 : 16;
  for (let i = 0; i < length; i++) hash = (Math.imul(hash, 31) + address[i]!) | 0;
  return hash;
}

export function localEndpoint(source: Source): Endpoint {
  return { address: text(source.family, source.local), port: source.localPort };
}

export function remoteEndpoint(source: Source): Endpoint {
  return { address: text(source.family, source.remote), port: source.remotePort };
}

function isTo(source: Source, peer: Peer): boolean {
  return sameAddress(source.local, peer.local) || isZero(peer.local) || isZeroOf(source.local, peer.local.length);
}

/** Compares as many bytes as `peer` has. */
function sameAddress(source: Uint8Array, peer: Uint8Array): boolean {
  for (let i = 0; i < peer.length; i++) if (source[i] !== peer[i]) return false;
  return true;
}

const text = (family: 4 | 6, address: Uint8Array) => (family === 4 ? formatIpv4(address) : formatIpv6(address));

const isZero = (address: Uint8Array) => isZeroOf(address, address.length);

function isZeroOf(address: Uint8Array, length: number): boolean {
  for (let i = 0; i < length; i++) if (address[i] !== 0) return false;
  return true;
}

/** Our own addresses are few, and those of all peers' channels. */
const MOST_SHARED = 64;
const addresses = new Map<string, Uint8Array>();
const endpoints = new Map<string, Endpoint>();

/** @returns bytes that nobody changes */
function sharedAddress(address: string): Uint8Array {
  const known = addresses.get(address);
  if (known !== undefined) return known;
  const bytes = readAddress(address);
  if (addresses.size < MOST_SHARED) addresses.set(address, bytes);
  return bytes;
}

/** One record for all channels of an end of ours. */
export function sharedEndpoint(endpoint: Endpoint): Endpoint {
  const key = `${endpoint.address} ${endpoint.port}`;
  const known = endpoints.get(key);
  if (known !== undefined) return known;
  if (endpoints.size < MOST_SHARED) endpoints.set(key, endpoint);
  return endpoint;
}

function readAddress(address: string): Uint8Array {
  const bytes = parseAddress(address);
  if (bytes === undefined) throw new RangeError(`not an IP address: ${address}`);
  return bytes;
}
