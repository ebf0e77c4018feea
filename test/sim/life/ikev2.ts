/** IKEv2 in a life: what a seed decides of it, and the configurations that follow. */

import type { ClientConfig } from '../../../src/client/index.ts';
import type { Milliseconds } from '../../../src/core/index.ts';
import type { GatewayIkeV2Config } from '../../../src/gateway/config.ts';
import type { GatewayConfig } from '../../../src/gateway/index.ts';
import type { Credential } from '../../../src/ike/signature.ts';
import { secretTable } from '../../../src/ike/v1/index.ts';
import {
  childSaPolicy,
  type IkeV2Config,
  type IkeV2Profile,
  ikeV2Policy,
  type KeptTicket,
} from '../../../src/ike/v2/index.ts';
import { utf8 } from '../../../src/wire/index.ts';
import { AUTHORITY, credential, SERVER_NAME } from '../../gateway/ikev2World.ts';
import { HOUR, MINUTE, type Vigilance } from './bounds.ts';
import type { Dice } from './dice.ts';

/** Of both ends. */
interface IkeV2Plan {
  /** Proposals, as a configuration names them. */
  readonly ike: string;
  readonly esp: string;
  readonly ikeLifetime: number;
  readonly espLifetime: number;
  readonly renewAt: number;
  readonly renewJitter: number;
  readonly fragmentBytes: number;
  /** Bytes that are added to the certificate. */
  readonly certificateBytes: number;
  readonly resumption: boolean;
}

export interface IkeV2GatewayPlan extends IkeV2Plan {
  /** Every first message must bring a cookie. */
  readonly cookies: boolean;
  readonly postquantumKeys: boolean;
  /** Clients renew when the gateway does. */
  readonly inStep: boolean;
}

export interface IkeV2DevicePlan extends IkeV2Plan {
  readonly tunnel: 'native' | 'l2tp';
  readonly authentication: 'pre-shared-key' | 'signature' | 'eap';
  readonly mobike: boolean;
  readonly postquantumKeys: boolean;
}

export function planIkeV2Gateway(dice: Dice): IkeV2GatewayPlan {
  const groups = dice.pick(['x25519-ecp256', 'ecp256-x25519', 'ecp256']);
  const inStep = dice.chance(0.4);
  const ikeLifetime = dice.scale(4 * 60, 8 * 3600);
  return {
    ...planBoth(dice),
    ike: `aes256gcm16-aes128gcm16-chacha20poly1305-prfsha256-${groups}-ke1_mlkem768-ke1_none`,
    esp: `aes256gcm16-aes128gcm16-${groups}-none-ke1_mlkem768-ke1_none${dice.pick(['', '-esn-noesn'])}`,
    ikeLifetime,
    espLifetime: inStep ? Math.ceil(ikeLifetime / dice.pick([1, 1, 2, 3])) : dice.scale(3 * 60, 4 * 3600),
    inStep,
    ...(inStep ? { renewAt: 0.8, renewJitter: dice.pick([0, 0.0001, 0.001]) } : {}),
    cookies: dice.chance(0.25),
    postquantumKeys: dice.chance(0.2),
  };
}

export function planIkeV2Device(dice: Dice, gateway: IkeV2GatewayPlan): IkeV2DevicePlan {
  const { ikeLifetime, espLifetime, renewJitter, postquantumKeys } = gateway;
  const own = { ikeLifetime: dice.scale(4 * 60, 8 * 3600), espLifetime: dice.scale(3 * 60, 4 * 3600) };
  const hybrid = dice.chance(0.25);
  const ke1 = hybrid ? '-ke1_mlkem768-ke1_none' : '';
  return {
    ...planBoth(dice),
    ...own,
    // The responder renews half-way between its own time and the end: at the same moment as this.
    ...(gateway.inStep ? { ikeLifetime, espLifetime, renewAt: 0.9, renewJitter } : {}),
    ike: `${dice.pick(['aes128gcm16', 'aes256gcm16', 'chacha20poly1305'])}-prfsha256-${dice.pick(['x25519-ecp256', 'ecp256-x25519'])}${ke1}`,
    esp: `${dice.pick(['aes128gcm16', 'aes256gcm16'])}-${dice.pick(['none', 'x25519-ecp256-none', 'none-ecp256'])}${ke1}`,
    tunnel: dice.pick(['native', 'native', 'l2tp']),
    authentication: dice.pick(['pre-shared-key', 'signature', 'eap']),
    mobike: dice.chance(0.85),
    postquantumKeys,
  };
}

function planBoth(dice: Dice) {
  return {
    renewAt: dice.pick([0.85, 0.7, 0.9]),
    renewJitter: dice.pick([0, 0.05, 0.2]),
    fragmentBytes: dice.pick([1280, 1280, 576, 300]),
    certificateBytes: dice.pick([0, 1500, 4000]),
    resumption: dice.chance(0.5),
  };
}

/** The same where things are as they rarely are. @param isNarrow ways carry datagrams of 548 bytes at most */
export function rarelyOf<Plan extends IkeV2GatewayPlan | IkeV2DevicePlan>(
  dice: Dice,
  plan: Plan,
  isNarrow: boolean,
): Plan {
  return {
    ...plan,
    ...(isNarrow ? { fragmentBytes: dice.pick([540, 300]) } : {}),
    postquantumKeys: plan.postquantumKeys ? dice.chance(0.7) : dice.chance(0.1),
  };
}

/** Whom the gateway says that a device's session belongs to. */
export function accountOf(user: string, { tunnel, authentication }: IkeV2DevicePlan): string {
  return tunnel === 'native' && authentication === 'pre-shared-key' ? `fqdn ${user}` : user;
}

const SECRETS = secretTable([{ secret: utf8('a shared secret of some length') }]);
const POSTQUANTUM = { id: 'both', keyFor: () => new Uint8Array(32).fill(9) };

interface Habits extends Vigilance {
  readonly keepaliveInterval: Milliseconds;
}

export function gatewayIkeV2(plan: IkeV2GatewayPlan, habits: Habits): Pick<GatewayConfig, 'ikeV2' | 'remoteAccess'> {
  const ikeV2: GatewayIkeV2Config = {
    ...both(plan, habits, SERVER_NAME),
    secrets: SECRETS,
    accept: ['pre-shared-key', 'signature', 'eap'],
    ...(plan.cookies ? { cookieThreshold: { perSource: 0, total: 0 } } : {}),
    ...(plan.postquantumKeys ? { postquantumKeys: POSTQUANTUM } : {}),
  };
  return { ikeV2, remoteAccess: { preSharedKey: true } };
}

export function deviceIkeV2(
  plan: IkeV2DevicePlan,
  habits: Habits & { readonly user: string; readonly password: string },
  keptTickets: Map<string, KeptTicket>,
): Pick<ClientConfig, 'ikeV2' | 'tunnel' | 'eap'> {
  const { user, password } = habits;
  const { authentication, tunnel, mobike } = plan;
  const { credentials, ...common } = both(plan, habits, user);
  const ikeV2: IkeV2Config = {
    ...common,
    ...(authentication === 'pre-shared-key' ? { secrets: SECRETS, accept: ['pre-shared-key'] } : {}),
    ...(authentication === 'signature' ? { credentials: credentials! } : {}),
    ...(authentication === 'pre-shared-key' ? {} : { remoteIdentity: { type: 'fqdn', value: SERVER_NAME } }),
    initiate: { authenticate: authentication },
    localIdentity: { type: 'fqdn', value: user },
    mobike,
    keptTickets,
    ...(plan.postquantumKeys ? { postquantumKeys: POSTQUANTUM } : {}),
  };
  return { ikeV2, tunnel, eap: { methods: ['eap-mschapv2'], credentials: { user, password } } };
}

function both(plan: IkeV2Plan, habits: Habits, name: string): IkeV2Config {
  const { renewAt, renewJitter, fragmentBytes, resumption } = plan;
  return {
    profile: profileOf(plan),
    credentials: [padded(credential(name), plan.certificateBytes)],
    trustAnchors: [AUTHORITY],
    keepaliveInterval: habits.keepaliveInterval,
    deadPeerDetection: { interval: habits.deadPeerInterval, timeout: habits.deadPeerTimeout },
    renewAt,
    renewJitter,
    fragmentBytes,
    resumption,
  };
}

function profileOf({ ike, esp, ikeLifetime, espLifetime }: IkeV2Plan): IkeV2Profile {
  const policies = { ike: ikeV2Policy([ike], ikeLifetime), esp: childSaPolicy([esp], espLifetime) };
  return { name: 'compatible', accept: policies, offer: policies };
}

/** A chain with an intermediate certificate of so many bytes. */
const padded = (plain: Credential, bytes: number): Credential =>
  bytes === 0 ? plain : { ...plain, chain: [...plain.chain, new Uint8Array(bytes).fill(0x30)] };

/** How often both ends are made to renew an SA at nearly the same time, and clients move. */
export const planTimes = (dice: Dice) => ({
  renewals: dice.pick([1, 3, 1000]) * HOUR,
  moves: dice.pick([20 * MINUTE, 2 * HOUR, 6 * HOUR, 1000 * HOUR]),
});
