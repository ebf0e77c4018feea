/** One life: what was planned happens to real stacks on a virtual day, and every check that must hold is held. */

import type { Instant, Milliseconds } from '../../../src/core/index.ts';
import { leftOf } from '../../../src/gateway/index.ts';
import type { LogEntry } from '../../../src/session/log.ts';
import { type LinkQuality, PERFECT, type SimulatedNat, SimulatedNetwork } from '../network.ts';
import type { ClientEnd } from '../stack.ts';
import { CALM_LOSS, cleanup, HOUR, MOST_DATAGRAMS_AN_HOUR, MOST_OUTPUTS, MOVE_MOST, recovery } from './bounds.ts';
import { Device } from './device.ts';
import { Dice } from './dice.ts';
import { type LifeGateway, makeGatewayEnd } from './ends.ts';
import { parcelPacket, readParcel } from './ledger.ts';
import { type Happening, type LifePlan, planLife, type Versions, type What } from './plan.ts';

/** A check is made with so many packets, one a second. */
const PROBES = 15;
/** Lines of the timeline that are kept where nobody prints them. */
const MOST_LINES = 400;

export class LifeFailed extends Error {
  readonly seed: number;
  readonly timeline: readonly string[];

  constructor(seed: number, at: Instant, reason: string, timeline: readonly string[], cause?: unknown) {
    super(`seed ${seed} at ${clock(at)}: ${reason}`, { cause });
    this.seed = seed;
    this.timeline = timeline;
  }
}

export interface LifeReport {
  readonly seed: number;
  readonly hours: number;
  readonly devices: number;
  readonly connections: number;
  readonly checks: number;
  readonly rekeys: number;
  /** Connections that began with a ticket of an earlier one. */
  readonly resumed: number;
  readonly datagrams: number;
  readonly drops: number;
}

export class Life {
  readonly plan: LifePlan;
  readonly network: SimulatedNetwork;
  readonly traced: boolean;
  readonly #print: ((line: string) => void) | undefined;
  readonly #timeline: string[] = [];
  readonly #devices: Device[];
  readonly #nats = new Map<string, SimulatedNat>();
  readonly #partitioned = new Map<string, number>();
  readonly #weather = new Map<string, LinkQuality>();
  #gateway: LifeGateway;
  #gateways = 0;
  #checks = 0;
  #rekeys = 0;
  #resumed = 0;
  #drops = 0;
  #over = false;
  #failure: LifeFailed | undefined;

  /**
   * @param print is given each line of the timeline
   * @param traced each message is one
   * @param versions of IKE that clients may speak
   */
  constructor(seed: number, print?: (line: string) => void, traced = false, versions: Versions = 'both') {
    this.traced = traced;
    this.plan = planLife(seed, versions);
    this.#print = print;
    this.network = new SimulatedNetwork(seed);
    this.network.recording = false;
    for (const [address, habits] of this.plan.nats) {
      const onRebound: typeof habits.onRebound = (inside) => {
        for (const device of this.#devices) if (device.host === inside) this.#disturb(device, 'its NAT rebound');
      };
      this.#nats.set(address, this.network.nat(address, undefined, 20_000, { ...habits, onRebound }));
    }
    this.#devices = this.plan.devices.map((device) => {
      return new Device(this, device, this.#nats, new Dice(seed * 31 + device.number));
    });
    this.#gateway = this.#newGateway();
  }

  /** @throws LifeFailed */
  run(): LifeReport {
    const { plan, network } = this;
    this.note('plan', describe(plan));
    try {
      for (const device of this.#devices) {
        network.schedule(device.plan.firstDial, () => this.#wake(device));
      }
      for (const { at, what } of plan.happenings) network.schedule(at, () => this.#happen(what));
      this.#advance(plan.lasts);
      this.#end();
    } catch (error) {
      if (error instanceof LifeFailed) throw error;
      const text = error instanceof Error ? `${error.message}\n${error.stack}` : String(error);
      throw new LifeFailed(plan.seed, network.now, `thrown: ${text}`, this.#timeline, error);
    }
    const connections = this.#devices.reduce((sum, device) => sum + device.connections, 0);
    const report = { seed: plan.seed, hours: plan.lasts / HOUR, devices: plan.devices.length, connections };
    const counts = { checks: this.#checks, rekeys: this.#rekeys, resumed: this.#resumed };
    return { ...report, ...counts, datagrams: network.count, drops: this.#drops };
  }

  /** A line of the timeline. */
  note(who: string, text: string): void {
    const line = `${clock(this.network.now)}  ${who.padEnd(8)} ${text}`;
    this.#timeline.push(line);
    if (this.#timeline.length > MOST_LINES) this.#timeline.shift();
    this.#print?.(line);
  }

  noteLog(who: string, entry: LogEntry): void {
    const { text, level, event, layer } = entry;
    if (entry.fields?.code === 'internal-error') this.fail(`${who}: a core threw: ${text}`);
    if (event === 'milestone' && /rekeyed|main mode done/.test(text)) this.#rekeys++;
    if (event === 'milestone' && who !== 'gateway' && text.startsWith('ike session resumed')) this.#resumed++;
    if (this.#print !== undefined && (this.traced || level !== 'debug')) this.note(who, `  ${layer} ${event}: ${text}`);
  }

  fail(reason: string): never {
    this.#failure ??= new LifeFailed(this.plan.seed, this.network.now, reason, [...this.#timeline]);
    throw this.#failure;
  }

  /** A connection that was up and wanted has ended. */
  dropped(device: Device, code: string): void {
    this.#drops++;
    if (this.#isRecovered(device)) {
      const calm = clock(this.network.now - device.disturbedAt);
      this.fail(`${device.name} lost its connection (${code}) undisturbed for ${calm}`);
    }
    this.#disturb(device, 'it lost its connection');
  }

  /** An end is used no more. */
  retired(end: ClientEnd): void {
    this.#checkOutputs(end);
    if (end.isOff) return;
    // Checked later: what is said last may still be on its way through the planes.
    this.network.schedule(this.network.now, () => {
      if (end.installed.left !== undefined) this.fail(`a closed client still holds ${end.installed.left}`);
      if (end.deadline !== undefined) this.fail('a closed client still waits for time');
    });
  }

  #advance(until: Instant): void {
    this.network.run(until);
    if (this.#failure !== undefined) throw this.#failure;
  }

  #newGateway(): LifeGateway {
    const gateway = makeGatewayEnd(this.network, this.plan, this.plan.seed * 1000 + this.#gateways++, this.traced);
    gateway.onLog = (entry) => this.noteLog('gateway', entry);
    gateway.onPacket = (packet) => this.#atGateway(packet);
    gateway.onOutput = (output) => {
      if (output.type === 'sessionEnded')
        this.note('gateway', `session of ${output.view.user} ended: ${output.reason.code}`);
    };
    return gateway;
  }

  #wake(device: Device): void {
    if (this.#over || device.wanted) return;
    device.wanted = true;
    this.#disturb(device, 'it wants to be connected');
    device.dial();
  }

  #happen(what: What): void {
    if (this.#over) return;
    switch (what.type) {
      case 'traffic':
        this.#traffic(this.#devices[what.device]!, what.packets, what.bytes);
        break;
      case 'leave':
      case 'crash': {
        const device = this.#devices[what.device]!;
        if (!device.wanted) break;
        this.note(device.name, `${what.type} for ${clock(what.away)}`);
        this.#disturb(device, what.type);
        device[what.type]();
        this.network.schedule(this.network.now + what.away, () => this.#wake(device));
        break;
      }
      case 'kick': {
        const device = this.#devices[what.device]!;
        this.#disturb(device, 'the administrator ends it');
        this.#kick(device);
        break;
      }
      case 'flush':
        this.note('nat', `${what.nat} forgets its mappings`);
        for (const device of this.#at(what.nat)) this.#disturb(device, 'its NAT was flushed');
        this.#nats.get(what.nat)!.flush();
        break;
      case 'partition':
        this.#partition(what.place, what.lasts);
        break;
      case 'weather':
        this.#setWeather(what.place, what.quality);
        break;
      case 'move':
        this.#move(this.#devices[what.device]!);
        break;
      case 'renew':
        this.#renew(this.#devices[what.device]!, what.later);
        break;
      case 'close':
        this.#closeChildren(this.#devices[what.device]!, what.by, what.later);
        break;
      case 'gatewayRestart':
        this.#restartGateway(what.away);
    }
  }

  /** Packets there and back; where the device has been left in peace for long enough, one at least must return. */
  #traffic(device: Device, packets: number, bytes: number): void {
    if (!device.wanted) return;
    if (this.#isRecovered(device)) this.#probe(device, bytes);
    else for (let i = 0; i < packets; i++) device.send(bytes);
  }

  #probe(device: Device, bytes: number, probes = PROBES): void {
    const { epoch } = device;
    const sent: number[] = [];
    let tries = 0;
    const again = () => {
      if (this.#over || device.epoch !== epoch) return;
      if (sent.some((number) => device.hasReturned(number))) {
        this.#checks++;
        return;
      }
      if (tries++ >= probes) {
        this.fail(
          `${device.name} has no traffic ${clock(this.network.now - device.disturbedAt)} after it was disturbed`,
        );
      }
      const number = device.send(bytes);
      if (number !== undefined) sent.push(number);
      this.network.schedule(this.network.now + 1000, again);
    };
    again();
  }

  /** Whatever happens to a device begins its time to recover anew. */
  #disturb(device: Device, why: string): void {
    const { network } = this;
    if (this.#print !== undefined) this.note(device.name, `disturbed: ${why}`);
    device.disturbedAt = network.now;
    const epoch = ++device.epoch;
    if (this.#isAfflicted(device)) return;
    network.schedule(network.now + this.#recovery(device), () => {
      if (device.epoch === epoch && device.wanted && !this.#over) this.#probe(device, 100);
    });
  }

  #recovery(device: Device): Milliseconds {
    return Math.max(recovery(this.plan.gateway), recovery(device.plan));
  }

  /** Whether it has had the time that a connection may take to carry traffic again. */
  #isRecovered(device: Device): boolean {
    return !this.#isAfflicted(device) && this.network.now - device.disturbedAt > this.#recovery(device);
  }

  /** Whether something that disturbs it goes on: its end is a disturbance of its own. */
  #isAfflicted(device: Device): boolean {
    const { drop } = this.#weather.get(device.place) ?? PERFECT;
    return drop > CALM_LOSS || (this.#partitioned.get(device.place) ?? 0) > 0 || this.#gateway.isOff;
  }

  #at(place: string): Device[] {
    return this.#devices.filter((device) => device.place === place);
  }

  #partition(place: string, lasts: Milliseconds): void {
    this.note('network', `${place} is cut off for ${clock(lasts)}`);
    this.#partitioned.set(place, (this.#partitioned.get(place) ?? 0) + 1);
    this.#applyWeather(place);
    for (const device of this.#at(place)) this.#disturb(device, 'cut off');
    this.network.schedule(this.network.now + lasts, () => {
      this.#partitioned.set(place, this.#partitioned.get(place)! - 1);
      this.#applyWeather(place);
      this.note('network', `${place} is back`);
      for (const device of this.#at(place)) this.#disturb(device, 'joined again');
    });
  }

  #setWeather(place: string, quality: LinkQuality): void {
    const before = this.#weather.get(place) ?? PERFECT;
    this.#weather.set(place, quality);
    this.#applyWeather(place);
    const { delay, jitter, drop } = quality;
    this.note('weather', `${place}: ${delay}+${jitter} ms, loss ${(drop * 100).toFixed(1)} %`);
    if (before.drop <= CALM_LOSS && drop <= CALM_LOSS) return;
    for (const device of this.#at(place)) this.#disturb(device, 'the weather changes');
  }

  #applyWeather(place: string): void {
    const { narrowest } = this.plan;
    const weather = this.#weather.get(place) ?? PERFECT;
    const quality = narrowest === undefined ? weather : { ...weather, largest: narrowest };
    const cut = (this.#partitioned.get(place) ?? 0) > 0;
    this.network.qualities.set(place, cut ? { ...quality, drop: 1 } : quality);
  }

  /** With MOBIKE, and where nothing else disturbs it, a connection survives, and has traffic again at once. */
  #move(device: Device): void {
    const { connections, stay: from, plan } = device;
    const wasCalm = device.isUp && this.#isRecovered(device);
    this.#disturb(device, 'it goes to another network');
    device.move();
    const { stay, epoch, place } = device;
    this.note(device.name, `is at ${stay.address}${stay.nat === undefined ? '' : ` via ${place}`}`);
    // Whoever has the same address in another network does not notice at once.
    if (!wasCalm || plan.ikeV2?.mobike !== true || stay.address === from.address) return;
    this.network.schedule(this.network.now + MOVE_MOST, () => {
      if (this.#over || device.epoch !== epoch || this.#isAfflicted(device)) return;
      if (device.connections !== connections || !device.isUp) this.fail(`${device.name} lost its connection by a move`);
      this.#probe(device, 100, 3);
    });
  }

  #renew(device: Device, later: Milliseconds): void {
    this.#expireAtDevice(device, 'bytes');
    this.network.schedule(this.network.now + later, () => this.#expireAtGateway('bytes'));
  }

  /** Both ends think of what is left of all ESP SAs, one that it is little and the other that it is nothing. */
  #closeChildren(device: Device, by: 'device' | 'gateway', later: Milliseconds): void {
    const whyOf = (end: 'device' | 'gateway') => (end === by ? 'exhausted' : 'bytes');
    const disturbed = by === 'device' ? [device] : this.#devices;
    for (const each of disturbed) this.#disturb(each, `the ${by} closes ESP SAs`);
    const atDevice = () => this.#expireAtDevice(device, whyOf('device'));
    const atGateway = () => this.#expireAtGateway(whyOf('gateway'));
    const [first, second] = later < 0 ? [atGateway, atDevice] : [atDevice, atGateway];
    first();
    this.network.schedule(this.network.now + Math.abs(later), second);
  }

  #expireAtDevice({ end }: Device, why: 'bytes' | 'exhausted'): void {
    for (const [inboundSpi, channel] of [...(end?.installed.sas ?? [])]) {
      end!.perform((now) => end!.client.receive({ type: 'saExpiring', channel, inboundSpi, why }, now));
    }
  }

  #expireAtGateway(why: 'bytes' | 'exhausted'): void {
    const { gateway, installed } = this.#gateway;
    for (const [inboundSpi, channel] of [...installed.sas]) {
      this.#gateway.perform((now) => gateway.receive({ type: 'saExpiring', channel, inboundSpi, why }, now));
    }
  }

  #restartGateway(away: Milliseconds): void {
    if (this.#gateway.isOff) return;
    this.note('gateway', `restarts, away for ${clock(away)}`);
    this.#checkOutputs(this.#gateway);
    this.#gateway.powerOff();
    for (const device of this.#devices) this.#disturb(device, 'the gateway is gone');
    this.network.schedule(this.network.now + away, () => {
      this.#gateway = this.#newGateway();
      this.note('gateway', 'is back');
      for (const device of this.#devices) this.#disturb(device, 'the gateway is back');
    });
  }

  #kick(device: Device): void {
    const reason = { code: 'administrator', reason: 'The administrator ends it.' };
    this.#gateway.perform((now) =>
      this.#gateway.gateway.command({ type: 'disconnect', who: device.plan.account, reason }, now),
    );
  }

  #atGateway(packet: Uint8Array): void {
    const read = readParcel(packet);
    if (typeof read === 'string') this.fail(`the gateway got ${read}`);
    const { parcel, inner } = read;
    const device = this.#devices[parcel.device];
    if (device === undefined || parcel.direction !== 'out') this.fail('the gateway got a packet of nobody');
    const owner = this.#gateway.gateway
      .sessions()
      .find((view) => view.innerAddress === inner && view.phase !== 'closed');
    if (owner?.user !== device.plan.account) {
      this.fail(`a packet of ${device.name} came out of the session of ${owner?.user} with ${inner}`);
    }
    this.#gateway.plane.fromTun(parcelPacket({ ...parcel, direction: 'back' }, inner));
  }

  #checkOutputs({ mostOutputs }: { readonly mostOutputs: number }): void {
    if (mostOutputs > MOST_OUTPUTS) this.fail(`one call returned ${mostOutputs} outputs`);
  }

  #end(): void {
    const { plan, network } = this;
    const most = MOST_DATAGRAMS_AN_HOUR * (plan.lasts / HOUR) * plan.devices.length;
    if (network.count > most) this.fail(`${network.count} datagrams were sent`);
    this.note('end', plan.ending);
    this.#over = true;
    const reason = { code: 'stop', reason: 'The day is over.' };
    switch (plan.ending) {
      case 'leave':
        for (const device of this.#devices) device.leave();
        break;
      case 'vanish':
        for (const device of this.#devices) device.crash();
        break;
      case 'drain':
        for (const device of this.#devices) device.wanted = false;
        this.#gateway.perform((now) => this.#gateway.gateway.command({ type: 'drain', reason }, now));
        break;
      case 'kick':
        for (const device of this.#devices) {
          device.wanted = false;
          this.#kick(device);
        }
        break;
      case 'gateway gone':
        for (const device of this.#devices) device.wanted = false;
        this.#gateway.powerOff();
    }
    const bounds = plan.devices.map((device) => cleanup(device));
    // An end that was cut off from its goodbye finds out by itself, once its way is clear.
    this.#advance(network.now + Math.max(...bounds, cleanup(plan.gateway)) + cutOffFor(plan.happenings, network.now));
    this.#nothingLeft();
  }

  #nothingLeft(): void {
    this.#checkOutputs(this.#gateway);
    if (!this.#gateway.isOff) {
      const { gateway, installed, deadline } = this.#gateway;
      const sessions = gateway.sessions();
      if (sessions.length > 0) {
        const text = sessions.map(({ user, phase }) => `${user} (${phase})`).join(', ');
        this.fail(`the gateway still has sessions: ${text}`);
      }
      if (installed.left !== undefined) this.fail(`the gateway's data plane still holds ${installed.left}`);
      const left = leftOf(gateway.population);
      if (left !== undefined) this.fail(`the gateway still has ${left}`);
      if (deadline !== undefined) this.fail(`the gateway still waits, until ${clock(deadline)}`);
    }
    for (const { end, name } of this.#devices) {
      if (end === undefined || end.isOff) continue;
      if (end.closed === undefined) this.fail(`${name} is still connected`);
      if (end.installed.left !== undefined) this.fail(`the data plane of ${name} still holds ${end.installed.left}`);
    }
  }
}

/** How long after `now` the last partition still lasts. */
function cutOffFor(happenings: readonly Happening[], now: Instant): Milliseconds {
  const ends = happenings.map(({ at, what }) => (what.type === 'partition' ? at + what.lasts : 0));
  return Math.max(0, ...ends.map((end) => end - now));
}

function describe({ devices, lasts, ending, gateway, narrowest }: LifePlan): string {
  const ends = devices.map(({ user, stays: [{ nat, address }], ikeV2 }) => {
    const how = ikeV2 === undefined ? '' : ` (IKEv2, ${ikeV2.tunnel}, ${ikeV2.authentication})`;
    return `${user} at ${address}${nat === undefined ? '' : ` via ${nat}`}${how}`;
  });
  const lifetimes = `IKE ${gateway.ikeLifetime} s, ESP ${gateway.espLifetime} s`;
  const narrow = narrowest === undefined ? '' : `, at most ${narrowest} bytes`;
  return `${lasts / HOUR} h, ${lifetimes}${narrow}; ${ends.join(', ')}; ends by: ${ending}`;
}

/** 12:34:56.789 */
export function clock(at: Milliseconds): string {
  const two = (number: number) => String(Math.floor(number)).padStart(2, '0');
  const milliseconds = String(Math.floor(at % 1000)).padStart(3, '0');
  return `${two(at / HOUR)}:${two((at / 60_000) % 60)}:${two((at / 1000) % 60)}.${milliseconds}`;
}
