/** The packet filter's NAT for the tunnel's clients, set over nf_tables netlink: needs no `nft` and no `iptables`. */

import { parsePrefix } from '../../net/index.ts';
import { decodeAttributes, encodeAttributes } from './attributes.ts';
import { Flag } from './message.ts';
import {
  batchPayload,
  chainAttributes,
  commentUserData,
  Hook,
  masquerade,
  NETFILTER_HEADER_BYTES,
  NftFamily,
  NftMessageType,
  netfilterPayload,
  notLeavingBy,
  PRIORITY_SOURCE_NAT,
  readComment,
  ruleAttributes,
  sourceWithin,
  tableAttributes,
} from './nftMessages.ts';
import { type NetlinkRequest, NetlinkSocket } from './socket.ts';

export interface NftTable {
  /** `ip`, `ip6`, `inet`, … */
  readonly family: string;
  readonly name: string;
  readonly comment?: string;
}

export interface Masquerade {
  /** Name of the table (family `ip`) that holds it, ours alone. */
  readonly table: string;
  /** Prefixes that the clients' inner addresses come from, e.g. `10.99.0.0/24`. */
  readonly pools: readonly string[];
  /** The TUN device: what leaves by it stays as it is, so that clients see each other's own addresses. */
  readonly device: string;
}

/** Every table of ours has a comment that begins so; the device's name follows. */
export const COMMENT_PREFIX = 'sallyport ';

const NETLINK_NETFILTER = 12;
const CHAIN = 'postrouting';
const ACCEPT = 1;
const FAMILY_NAMES: Readonly<Record<number, string>> = {
  1: 'inet',
  2: 'ip',
  3: 'arp',
  5: 'netdev',
  7: 'bridge',
  10: 'ip6',
};

export class Nftables {
  readonly #socket = new NetlinkSocket(NETLINK_NETFILTER);

  tables(): NftTable[] {
    const payload = netfilterPayload({ family: NftFamily.unspecified });
    const request = { what: 'list nf_tables tables', type: NftMessageType.getTable, flags: Flag.dump, payload };
    return this.#socket.request(request).map((answer) => {
      const { name = '', userData } = decodeAttributes(
        tableAttributes,
        answer.payload.subarray(NETFILTER_HEADER_BYTES),
      );
      const comment = readComment(userData);
      const family = FAMILY_NAMES[answer.payload[0]!] ?? String(answer.payload[0]);
      return { family, name, ...(comment === undefined ? {} : { comment }) };
    });
  }

  /**
   * Creates the table with its chain and rules, whole or not at all.
   * @throws SystemError EEXIST when there is a table of that name, EPERM without CAP_NET_ADMIN
   */
  addMasquerade(wanted: Masquerade): void {
    this.#transaction(`set up NAT in the table ${wanted.table}`, masqueradeRequests(wanted));
  }

  /** @throws SystemError ENOENT when there is none */
  deleteTable(name: string): void {
    this.#transaction(`delete the table ${name}`, [deleteTableRequest(name)]);
  }

  close(): void {
    this.#socket.close();
  }

  #transaction(what: string, requests: readonly NetlinkRequest[]): void {
    const edge = { what, flags: 0, payload: batchPayload() };
    this.#socket.transaction({ ...edge, type: NftMessageType.batchBegin }, requests, {
      ...edge,
      type: NftMessageType.batchEnd,
    });
  }
}

/** What `addMasquerade` sends between the batch's begin and end. */
export function masqueradeRequests({ table, pools, device }: Masquerade): NetlinkRequest[] {
  const ipv4 = { family: NftFamily.ipv4 };
  return [
    {
      what: `create the table ip ${table}`,
      type: NftMessageType.newTable,
      flags: Flag.create | Flag.exclusive,
      payload: netfilterPayload(
        ipv4,
        encodeAttributes(tableAttributes, {
          name: table,
          flags: 0,
          userData: commentUserData(`${COMMENT_PREFIX}${device}`),
        }),
      ),
    },
    {
      what: `create the chain ${CHAIN}`,
      type: NftMessageType.newChain,
      flags: Flag.create,
      payload: netfilterPayload(
        ipv4,
        encodeAttributes(chainAttributes, {
          table,
          name: CHAIN,
          hook: { hook: Hook.postRouting, priority: PRIORITY_SOURCE_NAT },
          policy: ACCEPT,
          type: 'nat',
        }),
      ),
    },
    ...pools.map((pool) => masqueradeRule(table, pool, device)),
  ];
}

function masqueradeRule(table: string, pool: string, device: string): NetlinkRequest {
  const prefix = parsePrefix(pool);
  if (prefix === undefined || prefix.address.length !== 4) throw new RangeError(`${pool} is no IPv4 prefix`);
  const expressions = [...sourceWithin(prefix.address, prefix.length), ...notLeavingBy(device), ...masquerade()];
  return {
    what: `create the masquerade rule for ${pool}`,
    type: NftMessageType.newRule,
    flags: Flag.create | Flag.append,
    payload: netfilterPayload(
      { family: NftFamily.ipv4 },
      encodeAttributes(ruleAttributes, { table, chain: CHAIN, expressions }),
    ),
  };
}

function deleteTableRequest(name: string): NetlinkRequest {
  return {
    what: `delete the table ip ${name}`,
    type: NftMessageType.deleteTable,
    flags: 0,
    payload: netfilterPayload({ family: NftFamily.ipv4 }, encodeAttributes(tableAttributes, { name })),
  };
}
