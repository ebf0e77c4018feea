/** What a seed makes of a day: a gateway, its users with their networks, the weather, and what happens when. */

import type { Instant, Milliseconds } from '../../../src/core/index.ts';
import type { AuthenticationMethod } from '../../../src/ppp/index.ts';
import type { LinkQuality, NatHabits } from '../network.ts';
import { HOUR, MINUTE, type Vigilance } from './bounds.ts';
import { Dice } from './dice.ts';
import {
  accountOf,
  type IkeV2DevicePlan,
  type IkeV2GatewayPlan,
  planIkeV2Device,
  planIkeV2Gateway,
  planTimes,
  rarelyOf,
} from './ikev2.ts';

export interface EndPlan extends Vigilance {
  /** Proposals, as a configuration names them. */
  readonly ike: readonly string[];
  readonly esp: readonly string[];
  readonly ikeLifetime: number;
  readonly espLifetime: number;
  readonly echoInterval: Milliseconds;
  readonly keepaliveInterval: Milliseconds;
}

export interface Stay {
  readonly address: string;
  /** The public address of its NAT; undefined where it has a public one itself. */
  readonly nat: string | undefined;
}

/** Who stands at the same place has the same weather. */
export const placeOf = ({ nat, address }: Stay): string => nat ?? address;

export interface DevicePlan extends EndPlan {
  readonly number: number;
  readonly user: string;
  readonly password: string;
  /** Whom the gateway says that its session belongs to. */
  readonly account: string;
  /** Where it is, in turn; most stay at the first. */
  readonly stays: readonly [Stay, ...Stay[]];
  /** Undefined: it speaks IKEv1. */
  readonly ikeV2: IkeV2DevicePlan | undefined;
  readonly method: AuthenticationMethod;
  readonly firstDial: Instant;
}

export type What =
  | { readonly type: 'traffic'; readonly device: number; readonly packets: number; readonly bytes: number }
  | { readonly type: 'leave' | 'crash'; readonly device: number; readonly away: Milliseconds }
  | { readonly type: 'kick' | 'move'; readonly device: number }
  /** The device and the gateway renew an ESP SA, the gateway so much later. */
  | { readonly type: 'renew'; readonly device: number; readonly later: Milliseconds }
  /** One of both ends closes the ESP SAs, as where they are used up; the other one renews them, so much later or earlier. */
  | { readonly type: 'close'; readonly device: number; readonly by: 'device' | 'gateway'; readonly later: Milliseconds }
  | { readonly type: 'flush'; readonly nat: string }
  | { readonly type: 'partition'; readonly place: string; readonly lasts: Milliseconds }
  | { readonly type: 'weather'; readonly place: string; readonly quality: LinkQuality }
  | { readonly type: 'gatewayRestart'; readonly away: Milliseconds };

export interface Happening {
  readonly at: Instant;
  readonly what: What;
}

export const ENDINGS = ['leave', 'vanish', 'drain', 'kick', 'gateway gone'] as const;
export type Ending = (typeof ENDINGS)[number];

export interface LifePlan {
  readonly seed: number;
  readonly lasts: Milliseconds;
  readonly gateway: EndPlan;
  /** Undefined: it speaks IKEv1 alone. */
  readonly ikeV2: IkeV2GatewayPlan | undefined;
  readonly methods: readonly AuthenticationMethod[];
  /** Bytes of a datagram that each way carries in any weather. */
  readonly narrowest: number | undefined;
  readonly poolSize: number;
  readonly devices: readonly DevicePlan[];
  readonly nats: ReadonlyMap<string, NatHabits>;
  readonly happenings: readonly Happening[];
  readonly ending: Ending;
}

const IKE = ['aes128-sha256-ecp256', 'aes256-sha256-ecp256', 'aes256-sha1-ecp256'];
const ESP = ['aes128-sha256', 'aes256-sha1', 'aes128gcm16', 'aes256gcm16'];
/** RFC 791: what every host takes, less the headers of IPv4 and UDP. */
const NARROWEST = 576 - 28;
const METHODS: readonly AuthenticationMethod[] = ['pap', 'chap-md5', 'ms-chap-v2'];

/** Which IKE a day is one of: with `both` every second one is of IKEv2. */
export type Versions = 'both' | 'v1' | 'v2';

export function planLife(seed: number, versions: Versions = 'both'): LifePlan {
  const dice = new Dice(seed);
  const lasts = dice.integer(20, 28) * HOUR;
  const nats = new Map<string, NatHabits>();
  const devices: DevicePlan[] = [];
  const count = dice.pick([1, 1, 1, 1, 2, 2, 3, 6]);
  for (let number = 0; number < count; number++) devices.push(planDevice(dice, number, nats));
  const gateway = planEnd(dice);
  const places = [...new Set(devices.map(({ stays: [home] }) => placeOf(home)))];
  const happenings = [
    ...devices.flatMap((device) => happeningsOf(dice, device, lasts)),
    ...places.flatMap((place) => happeningsAt(dice, place, nats.has(place), lasts)),
    ...dice.times(lasts, dice.pick([12, 30, 1000]) * HOUR).map((at): Happening => {
      return { at, what: { type: 'gatewayRestart', away: dice.scale(100, 5 * MINUTE) } };
    }),
  ].sort((a, b) => a.at - b.at);
  const methods = dice.chance(0.5) ? METHODS : [...new Set(devices.map(({ method }) => method))];
  const ending = dice.pick(ENDINGS);
  const plan = { seed, lasts, gateway, methods, poolSize: count * 3 + 2, devices, nats, happenings, ending };
  const isV2 = versions === 'v2' || (versions === 'both' && seed % 2 === 0);
  return isV2 ? withIkeV2(plan, new Dice(seed ^ 0x5eed_0002)) : { ...plan, ikeV2: undefined, narrowest: undefined };
}

/** The same day with IKEv2: most devices speak it, move about, and renew when the gateway does. */
function withIkeV2(plan: Omit<LifePlan, 'ikeV2' | 'narrowest'>, dice: Dice): LifePlan {
  const nats = new Map(plan.nats);
  const ikeV2 = planIkeV2Gateway(dice);
  const known = new Set(plan.devices.map(({ stays: [home] }) => placeOf(home)));
  const devices = plan.devices.map((device): DevicePlan => {
    if (dice.chance(0.15)) return device;
    const own = planIkeV2Device(dice, ikeV2);
    const [home] = device.stays;
    const stays = [home, planStay(dice, device.number, nats), planStay(dice, device.number + 10, nats)] as const;
    return { ...device, ikeV2: own, account: accountOf(device.user, own), stays };
  });
  const places = new Set(devices.flatMap(({ stays }) => stays.map(placeOf)).filter((place) => !known.has(place)));
  const happenings = [
    ...plan.happenings,
    ...devices.flatMap((device) => (device.ikeV2 === undefined ? [] : movesOf(dice, device, plan.lasts))),
    ...[...places].flatMap((place) => happeningsAt(dice, place, nats.has(place), plan.lasts)),
  ].sort((a, b) => a.at - b.at);
  return withRarities(
    { ...plan, ikeV2, devices, nats, happenings, narrowest: undefined },
    new Dice(plan.seed ^ 0x5eed_0003),
  );
}

/** What most days do not have: ways that carry little, ends without the post-quantum key, ESP SAs that one end closes. */
function withRarities(plan: LifePlan & { readonly ikeV2: IkeV2GatewayPlan }, dice: Dice): LifePlan {
  const isNarrow = dice.chance(0.15);
  const ikeV2 = rarelyOf(dice, plan.ikeV2, isNarrow);
  const devices = plan.devices.map((device) => {
    return device.ikeV2 === undefined ? device : { ...device, ikeV2: rarelyOf(dice, device.ikeV2, isNarrow) };
  });
  const often = dice.pick([8, 1000, 1000]) * HOUR;
  const closings = devices.flatMap(({ number: device }) =>
    dice.times(plan.lasts, often).map((at): Happening => {
      const later = dice.pick([0, dice.integer(-200, 200), dice.integer(-200, 200)]);
      return { at, what: { type: 'close', device, by: dice.pick(['device', 'gateway'] as const), later } };
    }),
  );
  const happenings = [...plan.happenings.map((each) => (isNarrow ? small(each) : each)), ...closings];
  happenings.sort((a, b) => a.at - b.at);
  return { ...plan, ikeV2, devices, happenings, narrowest: isNarrow ? NARROWEST : undefined };
}

/** The same in packets that a narrow way carries. */
function small({ at, what }: Happening): Happening {
  return { at, what: what.type === 'traffic' ? { ...what, bytes: Math.min(what.bytes, NARROWEST / 2) } : what };
}

/** Another network: one's own NAT, that of others, or a public address. */
function planStay(dice: Dice, number: number, nats: Map<string, NatHabits>): Stay {
  if (dice.chance(0.3)) return { address: `192.0.2.${number + 100}`, nat: undefined };
  const nat = dice.chance(0.3) ? dice.pick([`203.0.113.${200 + number}`, ...nats.keys()]) : `203.0.113.${200 + number}`;
  if (!nats.has(nat)) nats.set(nat, planNat(dice));
  return { address: dice.pick(['192.168.1.2', `10.20.0.${number + 10}`]), nat };
}

function movesOf(dice: Dice, { number: device }: DevicePlan, lasts: Milliseconds): Happening[] {
  const { renewals, moves } = planTimes(dice);
  return [
    ...dice.times(lasts, moves).map((at): Happening => ({ at, what: { type: 'move', device } })),
    ...dice.times(lasts, renewals).map((at): Happening => {
      return { at, what: { type: 'renew', device, later: dice.pick([0, 0, dice.integer(0, 500)]) } };
    }),
  ];
}

function planEnd(dice: Dice): EndPlan {
  const pfs = dice.pick(['', '', '-ecp256']);
  const esp = dice.chance(0.3) ? ESP : [dice.pick(ESP)];
  return {
    ike: dice.chance(0.5) ? IKE : [dice.pick(IKE)],
    esp: esp.map((words) => words + pfs),
    ikeLifetime: dice.scale(30 * 60, 8 * 3600),
    espLifetime: dice.scale(15 * 60, 4 * 3600),
    deadPeerInterval: dice.scale(30_000, 6 * MINUTE),
    deadPeerTimeout: dice.scale(30_000, 2 * MINUTE),
    helloInterval: dice.scale(60_000, 8 * MINUTE),
    keepaliveInterval: dice.pick([20_000, 40_000, 60_000]),
    echoInterval: dice.pick([0, dice.scale(30_000, 20 * MINUTE)]),
  };
}

function planDevice(dice: Dice, number: number, nats: Map<string, NatHabits>): DevicePlan {
  const behind = dice.chance(0.65);
  let nat: string | undefined;
  if (behind) {
    const known = [...nats.keys()];
    nat = known.length > 0 && dice.chance(0.5) ? dice.pick(known) : `203.0.113.${100 + number}`;
    if (!nats.has(nat)) nats.set(nat, planNat(dice));
  }
  return {
    ...planEnd(dice),
    number,
    user: `user${number}`,
    password: `secret of ${number}`,
    account: `user${number}`,
    // Equal private addresses behind equal or other NATs are the rule, not the exception.
    stays: [
      { address: behind ? dice.pick(['192.168.1.2', `192.168.1.${number + 10}`]) : `192.0.2.${number + 10}`, nat },
    ],
    ikeV2: undefined,
    method: dice.pick(METHODS),
    firstDial: dice.integer(0, dice.pick([5000, 10 * MINUTE])),
  };
}

function planNat(dice: Dice): NatHabits {
  return {
    filter: dice.pick(['anyone', 'address', 'address and port']),
    mapping: dice.pick(['endpoint-independent', 'address and port dependent']),
    // Some forget sooner than most keepalives come.
    timeout: dice.chance(0.2) ? 30_000 : dice.scale(90_000, 5 * MINUTE),
  };
}

function happeningsOf(dice: Dice, { number: device }: DevicePlan, lasts: Milliseconds): Happening[] {
  const every = (mean: Milliseconds, make: () => What) => dice.times(lasts, mean).map((at) => ({ at, what: make() }));
  return [
    ...every(dice.scale(10 * MINUTE, 4 * HOUR), () => {
      return { type: 'traffic', device, packets: dice.integer(1, 8), bytes: dice.integer(40, 1200) };
    }),
    ...every(dice.pick([2, 4, 100]) * HOUR, () => {
      return { type: 'leave', device, away: dice.scale(200, 8 * HOUR) };
    }),
    ...every(dice.pick([8, 24, 1000]) * HOUR, () => {
      return { type: 'crash', device, away: dice.scale(1000, HOUR) };
    }),
    ...every(dice.pick([12, 1000]) * HOUR, () => ({ type: 'kick', device })),
  ];
}

function happeningsAt(dice: Dice, place: string, isNat: boolean, lasts: Milliseconds): Happening[] {
  const happenings: Happening[] = [{ at: 0, what: { type: 'weather', place, quality: weather(dice, 'calm') } }];
  for (const at of dice.times(lasts, dice.pick([6, 12, 1000]) * HOUR)) {
    happenings.push({ at, what: { type: 'partition', place, lasts: dice.scale(1000, 40 * MINUTE) } });
  }
  if (isNat) {
    for (const at of dice.times(lasts, dice.pick([4, 12, 1000]) * HOUR)) {
      happenings.push({ at, what: { type: 'flush', nat: place } });
    }
  }
  for (const at of dice.times(lasts, 6 * HOUR)) {
    const kind = dice.pick(['rain', 'storm'] as const);
    happenings.push({ at, what: { type: 'weather', place, quality: weather(dice, kind) } });
    const until = at + dice.scale(MINUTE, HOUR);
    happenings.push({ at: until, what: { type: 'weather', place, quality: weather(dice, 'calm') } });
  }
  return happenings.filter(({ at }) => at < lasts);
}

function weather(dice: Dice, kind: 'calm' | 'rain' | 'storm'): LinkQuality {
  const delay = dice.scale(2, 150);
  const largest = dice.pick([1400, 1500]);
  switch (kind) {
    case 'calm':
      return { delay, jitter: dice.integer(0, 30), drop: dice.pick([0, 0, 0.002]), duplicate: 0, largest };
    case 'rain':
      return { delay, jitter: dice.integer(0, 100), drop: dice.between(0.005, 0.05), duplicate: 0.01, largest };
    case 'storm':
      return { delay, jitter: dice.integer(50, 400), drop: dice.between(0.05, 0.2), duplicate: 0.1, largest };
  }
}
