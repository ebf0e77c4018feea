/** Rules that say which table of routes a packet is looked up in ("policy routing"). include/uapi/linux/fib_rules.h. */

import { formatAddress, parsePrefix } from '../../net/index.ts';
import { Family } from '../constants.ts';
import { Flag } from './message.ts';
import { RouteMessageType, RouteTableId, RuleAction, ruleMessage } from './routeMessages.ts';
import { NetlinkSocket } from './socket.ts';

/** What is absent matches everything. */
export interface Rule {
  readonly family: 'ipv4' | 'ipv6';
  /** Lower is asked first; the main table is asked at 32766. */
  readonly priority: number;
  /** Absent: the main table. */
  readonly table?: number;
  /** A prefix. */
  readonly destination?: string;
  /** IP protocol. */
  readonly protocol?: number;
  readonly sourcePort?: number;
  readonly destinationPort?: number;
}

const NETLINK_ROUTE = 0;
const FAMILIES = { ipv4: Family.inet, ipv6: Family.inet6 } as const;
/** Tables above do not fit into the header. */
const MOST_SHORT_TABLE = 255;

export class PolicyRules {
  readonly #socket = new NetlinkSocket(NETLINK_ROUTE);

  list(family: Rule['family']): Rule[] {
    const payload = ruleMessage.encode({ family: FAMILIES[family] });
    return this.#socket
      .request({ what: 'list the rules', type: RouteMessageType.getRule, flags: Flag.dump, payload })
      .map((answer) => readRule(family, answer.payload));
  }

  /** @throws SystemError EEXIST where there is the same rule already */
  add(rule: Rule): void {
    this.#change(RouteMessageType.newRule, Flag.create | Flag.exclusive, 'add the', rule);
  }

  /** @throws SystemError ENOENT where there is none */
  delete(rule: Rule): void {
    this.#change(RouteMessageType.deleteRule, 0, 'delete the', rule);
  }

  close(): void {
    this.#socket.close();
  }

  #change(type: number, flags: number, what: string, rule: Rule): void {
    const { family, priority, table = RouteTableId.main, protocol, sourcePort, destinationPort } = rule;
    const destination = rule.destination === undefined ? undefined : parsePrefix(rule.destination);
    const payload = ruleMessage.encode(
      {
        family: FAMILIES[family],
        destinationLength: destination?.length ?? 0,
        table: table > MOST_SHORT_TABLE ? 0 : table,
        action: RuleAction.toTable,
      },
      {
        ...(destination === undefined ? {} : { destination: destination.address }),
        priority,
        table32: table,
        ...(protocol === undefined ? {} : { protocol }),
        ...(sourcePort === undefined ? {} : { sourcePorts: [sourcePort, sourcePort] }),
        ...(destinationPort === undefined ? {} : { destinationPorts: [destinationPort, destinationPort] }),
      },
    );
    this.#socket.request({ what: `${what} ${describeRule(rule)}`, type, flags, payload });
  }
}

/** The rule in a few words, much as `ip rule` writes it. */
export function describeRule({ family, table, destination, protocol, sourcePort, destinationPort }: Rule): string {
  const words = [
    ...(destination === undefined ? ['all'] : [destination]),
    ...(protocol === undefined ? [] : [`protocol ${protocol}`]),
    ...(sourcePort === undefined ? [] : [`from port ${sourcePort}`]),
    ...(destinationPort === undefined ? [] : [`port ${destinationPort}`]),
  ];
  return `${family} rule: to ${words.join(' ')} by table ${table ?? 'main'}`;
}

function readRule(family: Rule['family'], payload: Uint8Array): Rule {
  const { header, attributes } = ruleMessage.decode(payload);
  const { destination, priority = 0, table32, protocol, sourcePorts, destinationPorts } = attributes;
  const table = table32 ?? header.table;
  return {
    family,
    priority,
    ...(table === RouteTableId.main ? {} : { table }),
    ...(destination === undefined ? {} : { destination: `${formatAddress(destination)}/${header.destinationLength}` }),
    ...(protocol === undefined || protocol === 0 ? {} : { protocol }),
    ...(sourcePorts === undefined ? {} : { sourcePort: sourcePorts[0] }),
    ...(destinationPorts === undefined ? {} : { destinationPort: destinationPorts[0] }),
  };
}
