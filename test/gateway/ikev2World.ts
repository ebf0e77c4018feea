/** Gateways and clients that speak IKEv2 on the simulated network, with certificates and TLS of make-believe. */

import { createHash } from 'node:crypto';
import type { ClientConfig, ClientOutput } from '../../src/client/index.ts';
import type { GatewayConfig, GatewayOutput } from '../../src/gateway/index.ts';
import type { SignatureAnswer, SignatureAsk } from '../../src/ike/output.ts';
import type { Credential, TrustAnchor } from '../../src/ike/signature.ts';
import { secretTable } from '../../src/ike/v1/index.ts';
import type { IkeV2Config } from '../../src/ike/v2/index.ts';
import { toHex, utf8 } from '../../src/wire/index.ts';
import { profileOf } from '../ike/v2/exchanges/world.ts';
import { ClientEnd, GatewayEnd } from '../sim/stack.ts';
import { pretendedTls } from './pretendedTls.ts';
import { PSK, SERVER, USERS } from './world.ts';

export const SERVER_NAME = 'vpn.example.org';
export const AUTHORITY: TrustAnchor = { subject: utf8('CN=CA'), keyHash: new Uint8Array(20).fill(7) };

/** The chain is its name, a signature a hash. */
export const credential = (name: string): Credential => ({
  name,
  chain: [utf8(`certificate of ${name}`)],
  key: 'ecdsa-p256',
  identities: [{ type: 'fqdn', value: name }],
  authorities: [AUTHORITY.keyHash],
});

const hashOf = (name: string, scheme: string, octets: Uint8Array): Uint8Array =>
  new Uint8Array(createHash('sha256').update(`${name} ${scheme} `).update(octets).digest());

function answerTo(ask: SignatureAsk['ask']): SignatureAnswer {
  if (ask.kind === 'sign') return { kind: 'sign', signature: hashOf(ask.credential, ask.scheme, ask.octets) };
  const name = new TextDecoder().decode(ask.chain[0]).replace('certificate of ', '');
  const failure = (code: string) => ({ kind: 'verify', failure: { code, reason: `${name}: ${code}` } }) as const;
  if (name.startsWith('revoked')) return failure('certificate-revoked');
  if (ask.identity.value !== name) return failure('certificate-identity');
  const right = toHex(ask.signature) === toHex(hashOf(name, ask.scheme, ask.octets));
  return right ? { kind: 'verify', failure: undefined } : failure('bad-signature');
}

export class V2Gateway extends GatewayEnd {
  tls = pretendedTls;

  protected override take(output: GatewayOutput) {
    const later = (work: () => void) => this.network.schedule(this.network.now + 2, work);
    if (output.type === 'askSignature') {
      const { id } = output;
      const answer = answerTo(output.ask);
      later(() => this.perform((now) => this.gateway.command({ type: 'signatureAnswer', id, answer }, now)));
    } else if (output.type === 'askTls') {
      const { id } = output;
      const progress = this.tls(output.ask);
      later(() => this.perform((now) => this.gateway.command({ type: 'tlsAnswer', id, progress }, now)));
    } else super.take(output);
  }
}

export class V2Client extends ClientEnd {
  tls = pretendedTls;

  protected override take(output: ClientOutput) {
    const later = (work: () => void) => this.network.schedule(this.network.now + 2, work);
    if (output.type === 'askSignature') {
      const { id } = output;
      const answer = answerTo(output.ask);
      later(() => this.perform((now) => this.client.command({ type: 'signatureAnswer', id, answer }, now)));
    } else if (output.type === 'askTls') {
      const { id } = output;
      const progress = this.tls(output.ask);
      later(() => this.perform((now) => this.client.command({ type: 'tlsAnswer', id, progress }, now)));
    } else super.take(output);
  }
}

const secrets = secretTable([{ secret: PSK }]);
/** One curve keeps the tests fast. */
export const profile = profileOf;

/** Both versions of IKE, a server certificate, all ways to prove oneself. */
export const v2GatewayConfig = (
  more: Partial<GatewayConfig> = {},
  ikeV2: Partial<IkeV2Config> = {},
): GatewayConfig => ({
  ike: { secrets },
  ikeV2: {
    secrets,
    profile: profile(),
    credentials: [credential(SERVER_NAME)],
    trustAnchors: [AUTHORITY],
    accept: ['pre-shared-key', 'signature', 'eap'],
    ...ikeV2,
  },
  network: { pool: ['10.9.0.0/24'], localAddress: '10.9.0.1', dns: ['10.9.0.1'] },
  ...more,
});

type V2ClientConfig = Omit<ClientConfig, 'local'>;

const base = (user: string, password: string, more: Partial<ClientConfig>, ikeV2: Partial<IkeV2Config>) => ({
  remote: { address: SERVER, port: 500 },
  ppp: { credentials: { user, password } },
  tunnel: 'native' as const,
  ...more,
  ikeV2: { profile: profile(), ...ikeV2 },
});

/** The server proves itself by its certificate, the client with EAP. */
export const eapClient = (
  user: keyof typeof USERS = 'ann',
  more: Partial<ClientConfig> = {},
  ikeV2: Partial<IkeV2Config> = {},
  password: string = USERS[user],
): V2ClientConfig =>
  base(
    user,
    password,
    { eap: { methods: ['eap-mschapv2'], credentials: { user, password } }, ...more },
    {
      trustAnchors: [AUTHORITY],
      accept: ['signature'],
      remoteIdentity: { type: 'fqdn', value: SERVER_NAME },
      localIdentity: { type: 'user-fqdn', value: `${user}@example.org` },
      initiate: { authenticate: 'eap' },
      ...ikeV2,
    },
  );

export const certificateClient = (name: string, more: Partial<ClientConfig> = {}): V2ClientConfig =>
  base(name, '', more, {
    credentials: [credential(name)],
    trustAnchors: [AUTHORITY],
    remoteIdentity: { type: 'fqdn', value: SERVER_NAME },
  });

export const pskClient = (
  more: Partial<ClientConfig> = {},
  user: keyof typeof USERS = 'ann',
  ikeV2: Partial<IkeV2Config> = {},
): V2ClientConfig => base(user, USERS[user], more, { secrets, ...ikeV2 });
