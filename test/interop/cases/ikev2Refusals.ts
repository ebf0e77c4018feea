/** What cannot work over IKEv2: the peer is told by the right Notify, and our log says why, once. */

import assert from 'node:assert/strict';
import type { Case } from '../case.ts';
import { Authority, REVOKED, REVOKED_SERVER } from '../ikev2/authority.ts';
import { expired } from '../ikev2/certificates.ts';
import {
  type Changes,
  ourClientProfile,
  ourGatewayConfig,
  stockClient,
  stockServer,
  usersOf,
  type Way,
} from '../ikev2/connections.ts';
import type { Lab } from '../lab.ts';
import type { LogLine } from '../ourEnd.ts';

/** The gateway's answer, as strongSwan's log has it. */
const IN_INIT = /parsed IKE_SA_INIT response 0 \[ N\(NO_PROP\) \]/;
const IN_AUTH = /parsed IKE_AUTH response \d+ \[ N\(AUTH_FAILED\) \]/;
const NO_CHILD = /parsed IKE_AUTH response 1 \[ IDr AUTH .*N\(NO_PROP\) /;
/** EAP-MSCHAPv2's own Failure, which strongSwan does not answer. */
const WRONG_PASSWORD = /EAP-MS-CHAPv2 failed with error ERROR_AUTHENTICATION_FAILURE/;
const EAP_FAILURE = /parsed IKE_AUTH response \d+ \[ EAP\/FAIL \]/;
/** What our client says about a server that it does not believe. */
const INFORMED = /parsed INFORMATIONAL request \d+ \[ N\(AUTH_FAILED\) \]/;

interface Parties {
  readonly authority: Authority;
  readonly stranger: Authority;
}

interface Refusal {
  readonly name: string;
  readonly way: Way;
  /** What strongSwan does differently from a connection that works. */
  readonly changes: (parties: Parties) => Changes;
  /** The reason code of our log. */
  readonly code: string;
  /** What strongSwan's log must show. */
  readonly told: RegExp;
  readonly profile?: Readonly<Record<string, unknown>>;
}

const WRONG = 'notTheRightSecret42';
/** Only our legacy profile takes these. */
const OLD = { ike: '3des-sha1-modp1024', esp: '3des-md5' };

const AT_GATEWAY: readonly Refusal[] = [
  { name: 'wrong psk', way: 'psk', changes: () => ({ psk: WRONG }), code: 'psk-mismatch', told: IN_AUTH },
  {
    name: 'expired certificate',
    way: 'ecdsa',
    changes: ({ authority }) => ({ own: expired(authority, 'client') }),
    code: 'certificate-expired',
    told: IN_AUTH,
  },
  {
    name: 'revoked certificate',
    way: 'ecdsa',
    changes: ({ authority }) => ({ own: authority.issued(REVOKED), id: REVOKED }),
    code: 'certificate-revoked',
    told: IN_AUTH,
  },
  {
    name: 'unknown authority',
    way: 'ecdsa',
    changes: ({ authority, stranger }) => ({ own: stranger.issued('alice'), root: authority.root }),
    code: 'certificate-unknown-ca',
    told: IN_AUTH,
  },
  {
    name: 'another identity',
    way: 'ecdsa',
    changes: () => ({ id: 'bob@example.org' }),
    code: 'certificate-identity',
    told: IN_AUTH,
  },
  {
    name: 'wrong password',
    way: 'eap-mschapv2',
    changes: () => ({ password: WRONG }),
    code: 'wrong-password',
    told: WRONG_PASSWORD,
  },
  {
    name: 'revoked certificate eap-tls',
    way: 'eap-tls',
    changes: ({ authority }) => ({ own: authority.issued(REVOKED), id: REVOKED }),
    code: 'certificate-revoked',
    told: EAP_FAILURE,
  },
  {
    name: 'no common ike proposal',
    way: 'psk',
    changes: () => ({ ike: OLD.ike }),
    code: 'no-proposal-chosen',
    told: IN_INIT,
  },
  {
    name: 'no common esp proposal',
    way: 'psk',
    changes: () => ({ esp: OLD.esp }),
    code: 'no-proposal-chosen',
    told: NO_CHILD,
  },
];

const AT_CLIENT: readonly Refusal[] = [
  {
    name: 'wrong psk',
    way: 'psk',
    changes: () => ({ psk: WRONG }),
    code: 'authentication-failed',
    told: /generating IKE_AUTH response 1 \[ N\(AUTH_FAILED\) \]/,
  },
  {
    name: 'expired certificate',
    way: 'ecdsa',
    changes: ({ authority }) => ({ own: expired(authority, 'server') }),
    code: 'certificate-expired',
    told: INFORMED,
  },
  {
    name: 'revoked certificate',
    way: 'ecdsa',
    changes: ({ authority }) => ({ own: authority.issued(REVOKED_SERVER) }),
    code: 'certificate-revoked',
    told: INFORMED,
  },
  {
    name: 'unknown authority',
    way: 'ecdsa',
    changes: ({ authority, stranger }) => ({ own: stranger.server, root: authority.root }),
    code: 'certificate-unknown-ca',
    told: INFORMED,
  },
  {
    name: 'another identity',
    way: 'ecdsa',
    changes: () => ({ id: 'other.example.org' }),
    profile: { server_identity: 'other.example.org' },
    code: 'certificate-identity',
    told: INFORMED,
  },
  {
    name: 'wrong password',
    way: 'eap-mschapv2',
    changes: () => ({ password: WRONG }),
    code: 'authentication-failed',
    told: /generating IKE_AUTH response \d+ \[ EAP\/FAIL \]/,
  },
  {
    name: 'no common ike proposal',
    way: 'psk',
    changes: () => ({ ike: OLD.ike }),
    code: 'no-proposal-chosen',
    told: /generating IKE_SA_INIT response 0 \[ N\(NO_PROP\) \]/,
  },
  {
    name: 'no common esp proposal',
    way: 'psk',
    changes: () => ({ esp: OLD.esp }),
    code: 'no-proposal-chosen',
    told: /generating IKE_AUTH response 1 \[ .*N\(NO_PROP\) /,
  },
];

/** As many as two processors do in the patience of either end. */
const AT_ONCE = 9;

export const cases: readonly Case[] = [
  ...AT_GATEWAY.map((refusal) => ({ name: `ikev2 gateway ${refusal.name}`, run: atGateway(refusal) })),
  ...AT_CLIENT.map((refusal) => ({ name: `ikev2 client ${refusal.name}`, run: atClient(refusal) })),
].map((one, at) => ({ ...one, seconds: 90, beside: `ikev2 refusals ${Math.floor(at / AT_ONCE)}` }));

async function parties(lab: Lab): Promise<Parties> {
  const [authority, stranger] = await Promise.all(
    ['own', 'strange'].map((name) => Authority.of(lab.folder, 'p256', name)),
  );
  return { authority: authority!, stranger: stranger! };
}

function atGateway({ way, changes, code, told }: Refusal): Case['run'] {
  return async (lab) => {
    const [wire, given] = await Promise.all([lab.wire(), parties(lab)]);
    const [gateway, client] = [wire.ourGateway(), wire.strongSwan('client')];
    await Promise.all([
      gateway.start({ users: usersOf(way), more: ourGatewayConfig(way, given.authority) }),
      client.start(stockClient(way, given.authority, changes(given))),
    ]);
    await assert.rejects(client.initiate('net'), /initiate failed/);
    await client.logged(told, 1);
    await gateway.reason(code, 5);
    assertSaidOnce(gateway.lines, code);
    await client.stop();
    assert.deepEqual(await gateway.leftovers(), []);
    await gateway.stop();
  };
}

function atClient({ way, changes, code, told, profile }: Refusal): Case['run'] {
  return async (lab) => {
    const [wire, given] = await Promise.all([lab.wire(), parties(lab)]);
    const [server, client] = [wire.strongSwan('server'), wire.ourClient()];
    await server.start(stockServer(way, given.authority, changes(given)));
    await client.startWith({ ...ourClientProfile(way, given.authority), ...profile });
    const exit = await client.over();
    assert.ok(exit !== 0 && exit !== null, `exit code ${exit} instead of a failure`);
    await server.logged(told, 5);
    await client.reason(code, 1);
    assertSaidOnce(client.lines, code);
  };
}

/** One line is a warning or an error, has that code, and says in a sentence or two what is wrong and what to do. */
function assertSaidOnce(lines: readonly LogLine[], code: string): void {
  const loud = lines.filter(({ level }) => level === 'warn' || level === 'error');
  const said = JSON.stringify(loud, null, 2);
  assert.equal(loud.length, 1, said);
  assert.ok(said.includes(`"${code}"`), said);
  assert.match(String(loud[0]!.msg), /\w{3}.*\. [A-Z].*\w{3}.*\.$/s);
}
