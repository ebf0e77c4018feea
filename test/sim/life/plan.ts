/** What a seed makes of a day: a gateway, its users with their networks, the weather, and what happens when. */

import type { Instant, Milliseconds } from '../../../src/core/index.ts';
import type { AuthenticationMethod } from '../../../src/ppp/index.ts';
import type { LinkQuality, NatHabits } from '../network.ts';
import { HOUR, MINUTE, type Vigilance } from './bounds.ts';
import { Dice } from './dice.ts';

export interface EndPlan extends Vigilance {
  /** Proposals, as a configuration names them. */
  readonly ike: readonly string[];
  readonly esp: readonly string[];
  readonly ikeLifetime: number;
  readonly espLifetime: number;
  readonly echoInterval: Milliseconds;
  readonly keepaliveInterval: Milliseconds;
}

export interface DevicePlan extends EndPlan {
  readonly number: number;
  readonly user: string;
  readonly password: string;
  readonly address: string;
  /** The public address of its NAT; undefined where it has a public one itself. */
  readonly nat: string | undefined;
  readonly method: AuthenticationMethod;
  readonly firstDial: Instant;
}

export type What =
  | { readonly type: 'traffic'; readonly device: number; readonly packets: number; readonly bytes: number }
  | { readonly type: 'leave' | 'crash'; readonly device: number; readonly away: Milliseconds }
  | { readonly type: 'kick'; readonly device: number }
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
  readonly methods: readonly AuthenticationMethod[];
  readonly poolSize: number;
  readonly devices: readonly DevicePlan[];
  readonly nats: ReadonlyMap<string, NatHabits>;
  readonly happenings: readonly Happening[];
  readonly ending: Ending;
}

const IKE = ['aes128-sha256-ecp256', 'aes256-sha256-ecp256', 'aes256-sha1-ecp256'];
const ESP = ['aes128-sha256', 'aes256-sha1', 'aes128gcm16', 'aes256gcm16'];
const METHODS: readonly AuthenticationMethod[] = ['pap', 'chap-md5', 'ms-chap-v2'];

export function planLife(seed: number): LifePlan {
  const dice = new Dice(seed);
  const lasts = dice.integer(20, 28) * HOUR;
  const nats = new Map<string, NatHabits>();
  const devices: DevicePlan[] = [];
  const count = dice.pick([1, 1, 1, 1, 2, 2, 3, 6]);
  for (let number = 0; number < count; number++) devices.push(planDevice(dice, number, nats));
  const gateway = planEnd(dice);
  const places = [...new Set(devices.map(({ nat, address }) => nat ?? address))];
  const happenings = [
    ...devices.flatMap((device) => happeningsOf(dice, device, lasts)),
    ...places.flatMap((place) => happeningsAt(dice, place, nats.has(place), lasts)),
    ...dice.times(lasts, dice.pick([12, 30, 1000]) * HOUR).map((at): Happening => {
      return { at, what: { type: 'gatewayRestart', away: dice.scale(100, 5 * MINUTE) } };
    }),
  ].sort((a, b) => a.at - b.at);
  const methods = dice.chance(0.5) ? METHODS : [...new Set(devices.map(({ method }) => method))];
  const ending = dice.pick(ENDINGS);
  return { seed, lasts, gateway, methods, poolSize: count * 3 + 2, devices, nats, happenings, ending };
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
    // Equal private addresses behind equal or other NATs are the rule, not the exception.
    address: behind ? dice.pick(['192.168.1.2', `192.168.1.${number + 10}`]) : `192.0.2.${number + 10}`,
    nat,
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
