/** A user's device: it wants to be connected or does not, dials and redials, and is sometimes switched off. */

import type { Instant } from '../../../src/core/index.ts';
import type { KeptTicket } from '../../../src/ike/v2/index.ts';
import type { SimulatedHost, SimulatedNat } from '../network.ts';
import { REDIAL_MOST } from './bounds.ts';
import type { Dice } from './dice.ts';
import { type DeviceEnd, makeDeviceEnd } from './ends.ts';
import { type Parcel, parcelPacket, readParcel } from './ledger.ts';
import type { Life } from './life.ts';
import { type DevicePlan, placeOf, type Stay } from './plan.ts';

const FIRST_REDIAL = 2000;

export class Device {
  readonly plan: DevicePlan;
  /** Where it is. */
  stay: Stay;
  end: DeviceEnd | undefined;
  wanted = false;
  /** When something last happened to it that may cost a connection its traffic or its life. */
  disturbedAt: Instant = 0;
  /** Counts disturbances: a check that began before one says nothing. */
  epoch = 0;
  connections = 0;
  readonly #life: Life;
  readonly #nats: ReadonlyMap<string, SimulatedNat>;
  readonly #dice: Dice;
  /** Its network card in each network where it has been. */
  readonly #hosts = new Map<Stay, SimulatedHost>();
  /** Of earlier sessions. */
  readonly #tickets = new Map<string, KeptTicket>();
  #redial = FIRST_REDIAL;
  #parcel = 0;
  readonly #returned = new Set<number>();

  constructor(life: Life, plan: DevicePlan, nats: ReadonlyMap<string, SimulatedNat>, dice: Dice) {
    this.#life = life;
    this.plan = plan;
    this.#nats = nats;
    this.#dice = dice;
    this.stay = plan.stays[0];
  }

  get place(): string {
    return placeOf(this.stay);
  }

  get name(): string {
    return this.plan.user;
  }

  get host(): SimulatedHost | undefined {
    return this.#hosts.get(this.stay);
  }

  get isUp(): boolean {
    return this.end?.up !== undefined && this.end.closed === undefined && !this.end.isOff;
  }

  dial(): void {
    if (!this.wanted || (this.end !== undefined && this.end.closed === undefined && !this.end.isOff)) return;
    const { network, plan } = this.#life;
    const seed = plan.seed * 1000 + this.plan.number * 100 + ++this.connections;
    const place = { address: this.stay.address, behind: this.#network };
    const end = makeDeviceEnd(network, plan.seed, this.plan, this.#tickets, place, seed, this.#life.traced);
    this.#hosts.set(this.stay, end.host);
    this.end = end;
    end.onLog = (entry) => this.#life.noteLog(this.name, entry);
    end.onPacket = (packet) => this.#arrived(packet);
    end.onOutput = (output) => {
      if (output.type === 'up') this.#life.note(this.name, `up with ${output.network.localAddress}`);
      if (output.type === 'closed' && this.end === end) this.#closed(output.reason.code);
    };
    this.#life.note(this.name, `dials (${this.connections})`);
    end.connect();
  }

  /** Goes to the next of its networks, and takes the connection along. */
  move(): void {
    const { stays } = this.plan;
    this.stay = stays[(stays.indexOf(this.stay) + 1) % stays.length]!;
    const { end, stay } = this;
    if (end === undefined || end.isOff) return;
    end.relocate(stay.address, this.#network);
    this.#hosts.set(stay, end.host);
    end.perform((now) => end.client.command({ type: 'moved', address: stay.address }, now));
  }

  /** What a host stands behind where it is. */
  get #network(): SimulatedHost | SimulatedNat | undefined {
    const { nat } = this.stay;
    return this.host ?? (nat === undefined ? undefined : this.#nats.get(nat));
  }

  /** Ends in order, and stays away. */
  leave(): void {
    this.wanted = false;
    this.end?.disconnect();
  }

  /** Ends without a word. */
  crash(): void {
    this.wanted = false;
    this.end?.powerOff();
    if (this.end !== undefined) this.#life.retired(this.end);
    this.end = undefined;
    this.#tickets.clear();
  }

  /** Sends a packet that the far side returns. @returns its number; undefined where the device is not connected */
  send(bytes: number): number | undefined {
    if (this.end === undefined || !this.isUp) return undefined;
    const number = ++this.#parcel;
    const parcel: Parcel = { device: this.plan.number, direction: 'out', number, bytes: Math.max(8, bytes) };
    this.end.plane.fromTun(parcelPacket(parcel, this.end.up!.network.localAddress));
    return number;
  }

  hasReturned(number: number): boolean {
    return this.#returned.has(number);
  }

  #arrived(packet: Uint8Array): void {
    const read = readParcel(packet);
    if (typeof read === 'string') this.#life.fail(`${this.name} got ${read}`);
    const { parcel, inner } = read;
    if (parcel.device !== this.plan.number) this.#life.fail(`${this.name} got a packet of user${parcel.device}`);
    if (parcel.direction !== 'back') this.#life.fail(`${this.name} got its own packet back`);
    if (inner !== this.end?.up?.network.localAddress) this.#life.fail(`${this.name} got a packet for ${inner}`);
    this.#returned.add(parcel.number);
    if (this.#returned.size > 64) this.#returned.delete(this.#returned.values().next().value!);
    this.#redial = FIRST_REDIAL;
  }

  #closed(code: string): void {
    this.#life.note(this.name, `closed: ${code}`);
    if (this.end !== undefined) this.#life.retired(this.end);
    const wasUp = this.end?.up !== undefined;
    if (!this.wanted) return;
    if (wasUp) this.#life.dropped(this, code);
    const wait = this.#redial * this.#dice.between(0.8, 1);
    this.#redial = Math.min(REDIAL_MOST, this.#redial * 2);
    this.#life.network.schedule(this.#life.network.now + wait, () => this.dial());
  }
}
