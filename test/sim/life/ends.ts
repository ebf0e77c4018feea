/** The gateway and the devices of a life: whole stacks that tell their life what happens to them. */

import type { ClientConfig, ClientOutput } from '../../../src/client/index.ts';
import type { GatewayConfig, GatewayOutput } from '../../../src/gateway/index.ts';
import { espPolicy, ikePolicy, type Profile, profiles } from '../../../src/ike/index.ts';
import { type IkeV1Config, secretTable } from '../../../src/ike/v1/index.ts';
import type { KeptTicket } from '../../../src/ike/v2/index.ts';
import { utf8 } from '../../../src/wire/index.ts';
import { V2Client, V2Gateway } from '../../gateway/ikev2World.ts';
import type { SimulatedHost, SimulatedNat, SimulatedNetwork } from '../network.ts';
import { type Cryptography, playCryptography, REAL } from '../playCrypto.ts';
import { seededEnvironment } from '../random.ts';
import { deviceIkeV2, gatewayIkeV2 } from './ikev2.ts';
import type { DevicePlan, EndPlan, LifePlan } from './plan.ts';

export const SERVER = '198.51.100.1';
const SECRETS = secretTable([{ secret: utf8('a shared secret of some length') }]);

export class LifeGateway extends V2Gateway {
  onOutput: ((output: GatewayOutput) => void) | undefined;

  protected override take(output: GatewayOutput): void {
    super.take(output);
    this.onOutput?.(output);
  }
}

export class DeviceEnd extends V2Client {
  onOutput: ((output: ClientOutput) => void) | undefined;

  protected override take(output: ClientOutput): void {
    super.take(output);
    this.onOutput?.(output);
  }
}

/** @param traced whether each message stands in the log */
export function makeGatewayEnd(network: SimulatedNetwork, plan: LifePlan, seed: number, traced = false): LifeGateway {
  const users = Object.fromEntries(plan.devices.map(({ user, password }) => [user, password]));
  return new LifeGateway(network, SERVER, gatewayConfig(plan), users, seed, {}, cryptographyOf(plan.seed), !traced);
}

export function makeDeviceEnd(
  network: SimulatedNetwork,
  life: number,
  plan: DevicePlan,
  tickets: Map<string, KeptTicket>,
  { address, behind }: { readonly address: string; readonly behind: SimulatedNat | SimulatedHost | undefined },
  seed: number,
  traced = false,
): DeviceEnd {
  return new DeviceEnd(network, address, clientConfig(plan, tickets), seed, behind, cryptographyOf(life), !traced);
}

/** Every eighth life computes for real, with IKEv2 and without. */
function cryptographyOf(life: number): Cryptography {
  return life % 16 === 0 || life % 16 === 9 ? REAL : playCryptography(seededEnvironment(life).random);
}

function gatewayConfig({ gateway, ikeV2, methods, poolSize }: LifePlan): GatewayConfig {
  return {
    ike: ikeConfig(gateway),
    ...(ikeV2 === undefined ? {} : gatewayIkeV2(ikeV2, gateway)),
    network: { pool: [`10.9.0.2-10.9.0.${poolSize + 1}`], localAddress: '10.9.0.1', dns: ['192.0.2.53'] },
    l2tp: { helloInterval: gateway.helloInterval },
    ppp: { requirePeer: methods, timers: { echoInterval: gateway.echoInterval } },
  };
}

function clientConfig(plan: DevicePlan, tickets: Map<string, KeptTicket>): Omit<ClientConfig, 'local'> {
  return {
    remote: { address: SERVER, port: 500 },
    ...(plan.ikeV2 === undefined ? { ike: ikeConfig(plan) } : deviceIkeV2(plan.ikeV2, plan, tickets)),
    l2tp: { helloInterval: plan.helloInterval },
    ppp: {
      credentials: { user: plan.user, password: plan.password },
      acceptFromPeer: [plan.method],
      timers: { echoInterval: plan.echoInterval },
    },
  };
}

function ikeConfig(plan: EndPlan): IkeV1Config {
  return {
    secrets: SECRETS,
    profile: profileOf(plan),
    keepaliveInterval: plan.keepaliveInterval,
    deadPeerDetection: { interval: plan.deadPeerInterval, timeout: plan.deadPeerTimeout },
  };
}

function profileOf({ ike, esp, ikeLifetime, espLifetime }: EndPlan): Profile {
  const { accept } = profiles.compatible;
  return {
    name: 'compatible',
    accept: {
      ike: { ...accept.ike, lifetimeSeconds: ikeLifetime },
      esp: { ...accept.esp, lifetimeSeconds: espLifetime },
    },
    offer: { ike: ikePolicy(ike, ikeLifetime), esp: espPolicy(esp, espLifetime) },
  };
}
