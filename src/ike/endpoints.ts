/**
 * IKEv1 and IKEv2 behind one face: the version in the header of a message decides who gets it, and ids are kept apart.
 * RFC 7296 §2.5, §3.1.
 */

import type { Core, Endpoint, Instant } from '../core/index.ts';
import type { IkeCommand, IkeDatagram, IkeOutput, IkeSaId } from './output.ts';
import { majorVersionOf } from './v2/wire/index.ts';

/** What an endpoint of either version looks like. */
export interface IkeEndpoint extends Core<IkeCommand, IkeOutput> {
  readonly population: IkePopulation;
  /** Whether a Delete waits behind another request (IKEv2). */
  readonly owesGoodbye?: boolean;
  receive(datagram: IkeDatagram, now: Instant): readonly IkeOutput[];
}

/** How much stands. */
export interface IkePopulation {
  readonly ikeSas: number;
  readonly halfOpen: number;
  readonly children: number;
}

export interface IkeEndpointsGiven {
  /** Absent: that version is not served. */
  readonly v1?: IkeEndpoint | undefined;
  readonly v2?: IkeEndpoint | undefined;
  /** Which version `connect` begins with. Default: 2 where it is there. */
  readonly connect?: 1 | 2;
}

/** What IKEv2 counts itself stands this far above what IKEv1 counts. Few enough to be multiplied by a few hundred. */
const V2_IDS = 2 ** 44;
/** IKE SAs that the owner names itself are below. */
const FIRST_OWN_IKE_SA_ID = 2 ** 32;

type Version = 1 | 2;

/**
 * One endpoint of each version for one listener. The two must not choose the same inbound SPI: give each a `spiInUse`
 * that knows of the other.
 */
export class IkeEndpoints implements IkeEndpoint {
  readonly #endpoints: ReadonlyMap<Version, IkeEndpoint>;
  readonly #connect: Version;
  /** IKE SAs that the owner named, by who has them. */
  readonly #named = new Map<IkeSaId, Version>();
  /** Paths of IKE SAs of IKEv2 that stand, for ESP that nobody knows. */
  readonly #paths = new Map<IkeSaId, string>();
  readonly #onPath = new Map<string, number>();
  #toldLast: Version = 2;

  /** @throws RangeError where there is no endpoint at all, or none of the version to connect with */
  constructor({ v1, v2, connect = v2 === undefined ? 1 : 2 }: IkeEndpointsGiven) {
    const given: readonly (readonly [Version, IkeEndpoint | undefined])[] = [
      [1, v1],
      [2, v2],
    ];
    this.#endpoints = new Map(given.filter((row): row is readonly [Version, IkeEndpoint] => row[1] !== undefined));
    this.#connect = connect;
    if (!this.#endpoints.has(connect)) throw new RangeError(`IKEv${connect} is not served`);
  }

  get deadline(): Instant | undefined {
    // Asked after every message.
    let first: Instant | undefined;
    for (const { deadline } of this.#endpoints.values()) {
      if (deadline !== undefined && (first === undefined || deadline < first)) first = deadline;
    }
    return first;
  }

  /** Of both versions together. */
  get population(): IkePopulation {
    const all = [...this.#endpoints.values()].map(({ population }) => population);
    const sum = (of: (one: IkePopulation) => number) => all.reduce((total, one) => total + of(one), 0);
    return {
      ikeSas: sum(({ ikeSas }) => ikeSas),
      halfOpen: sum(({ halfOpen }) => halfOpen),
      children: sum(({ children }) => children),
    };
  }

  get owesGoodbye(): boolean {
    return [...this.#endpoints.values()].some((endpoint) => endpoint.owesGoodbye === true);
  }

  receive(datagram: IkeDatagram, now: Instant): readonly IkeOutput[] {
    const major = majorVersionOf(datagram.bytes);
    // What is newer than both gets its answer from the newer one; what is no message is anyone's to refuse.
    const version: Version = major === undefined ? this.#connect : major >= 2 ? 2 : 1;
    const endpoint = this.#endpoints.get(version);
    if (endpoint === undefined) {
      const reason = `IKE of version ${major} is not served here`;
      return [{ type: 'dropped', layer: 'ike', code: 'version-not-served', reason, remote: datagram.remote }];
    }
    return this.#outward(endpoint.receive(datagram, now), version);
  }

  command(command: IkeCommand, now: Instant): readonly IkeOutput[] {
    const version = this.#versionOf(command);
    const endpoint = this.#endpoints.get(version);
    if (endpoint === undefined) return [];
    if (command.type === 'connect') this.#named.set(command.ikeSa, version);
    return this.#outward(endpoint.command(version === 2 ? shifted(command, -V2_IDS) : command, now), version);
  }

  expire(now: Instant): readonly IkeOutput[] {
    return [...this.#endpoints].flatMap(([version, endpoint]) => this.#outward(endpoint.expire(now), version));
  }

  #versionOf(command: IkeCommand): Version {
    switch (command.type) {
      case 'connect':
        return this.#connect;
      case 'unknownSpi':
        return this.#versionOnPath(pathKey(command));
      case 'answer':
        return command.id >= V2_IDS ? 2 : 1;
      case 'closeChild':
      case 'renewChild':
        return command.child >= V2_IDS ? 2 : 1;
    }
    return this.#named.get(command.ikeSa) ?? (command.ikeSa >= V2_IDS ? 2 : 1);
  }

  /** Who is forgotten may be of either version and hears its own alone: it is told in both, by turns. */
  #versionOnPath(path: string): Version {
    if (this.#onPath.has(path) || !this.#endpoints.has(1)) return 2;
    if (!this.#endpoints.has(2)) return 1;
    this.#toldLast = this.#toldLast === 1 ? 2 : 1;
    return this.#toldLast;
  }

  #outward(outputs: readonly IkeOutput[], version: Version): readonly IkeOutput[] {
    const outward = version === 1 ? outputs : outputs.map((output) => shifted(output, V2_IDS));
    for (const output of outward) this.#note(output, version);
    return outward;
  }

  #note(output: IkeOutput, version: Version): void {
    if (output.type === 'ikeClosed') {
      this.#named.delete(output.ikeSa);
      this.#leave(output.ikeSa);
    } else if (version === 2 && (output.type === 'ikeEstablished' || output.type === 'ikeMoved')) {
      this.#leave(output.ikeSa);
      const key = pathKey(output);
      this.#paths.set(output.ikeSa, key);
      this.#onPath.set(key, (this.#onPath.get(key) ?? 0) + 1);
    }
  }

  #leave(ikeSa: IkeSaId): void {
    const key = this.#paths.get(ikeSa);
    if (key === undefined) return;
    this.#paths.delete(ikeSa);
    const left = this.#onPath.get(key)! - 1;
    if (left === 0) this.#onPath.delete(key);
    else this.#onPath.set(key, left);
  }
}

/** ESP without UDP comes from no port: IKE of the same peer is on port 500. */
const pathKey = ({ local, remote }: { readonly local: Endpoint; readonly remote: Endpoint }): string =>
  [local.address, remote.address, remote.port || 500].join('|');

/** Fields that hold an id of the endpoint's own counting. */
const COUNTED = ['child', 'replaces', 'id'] as const;
const IKE_SAS = ['ikeSa', 'adopts'] as const;

function shifted<Said extends IkeCommand | IkeOutput>(said: Said, by: number): Said {
  const moved: Record<string, unknown> = Object.fromEntries(Object.entries(said));
  for (const name of COUNTED) {
    const id = moved[name];
    if (typeof id === 'number') moved[name] = id + by;
  }
  for (const name of IKE_SAS) {
    const id = moved[name];
    if (typeof id === 'number') moved[name] = shiftedSa(id, by);
  }
  const { fields } = moved as { fields?: Record<string, unknown> };
  if (typeof fields?.ikeSa === 'number') moved.fields = { ...fields, ikeSa: shiftedSa(fields.ikeSa, by) };
  return moved as Said;
}

/** IKE SAs that the owner named keep their ids. */
const shiftedSa = (id: number, by: number): number => (id < FIRST_OWN_IKE_SA_ID ? id : id + by);
