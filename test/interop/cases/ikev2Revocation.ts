/** Revocation asked for by OCSP, from hosts that are listed and from no others; lists that are out of date. */

import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import type { Case } from '../case.ts';
import { HOLDER, SERVER_NAME } from '../ikev2/authority.ts';
import { OUR_INNER, STOCK_INNER, STOCK_NETWORKS } from '../ikev2/connections.ts';
import { type Made, MadeAuthority } from '../ikev2/madeAuthority.ts';
import { type Known, serveOcsp } from '../ikev2/ocspResponder.ts';
import { several } from '../ikev2/several.ts';
import { SERVER, type Wire } from '../ikev2/wire.ts';
import type { Lab } from '../lab.ts';
import type { OurEnd } from '../ourEnd.ts';
import { end } from '../process.ts';
import { ping } from '../traffic.ts';

/** Responders: one that is listed, one that answers as well and is not, and one that is listed and not there. */
const PORTS = { listed: 2560, other: 2561, silent: 2562 };
const LISTED = [`${SERVER}:${PORTS.listed}`, `${SERVER}:${PORTS.silent}`];

interface Row {
  readonly name: string;
  /** The responder that the certificate names; absent: none, for its authority's list is here, out of date. */
  readonly asks?: number;
  readonly isRevoked?: boolean;
  /** Why it is refused; absent: it is not. */
  readonly code?: string;
  /** Our policy. At the gateway it is `require` for all. */
  readonly revocation?: 'when-known';
}

const ROWS: readonly Row[] = [
  { name: 'good', asks: PORTS.listed },
  { name: 'revoked', asks: PORTS.listed, isRevoked: true, code: 'certificate-revoked' },
  { name: 'unlisted', asks: PORTS.other, code: 'revocation-unknown' },
  { name: 'silent', asks: PORTS.silent, code: 'revocation-unknown' },
  { name: 'stale', code: 'crl-expired' },
];
const LENIENT: Row = { name: 'lenient', asks: PORTS.silent, revocation: 'when-known' };

const ESP = 'aes256gcm16-ecp256';
const IKE = 'aes256-sha256-ecp256';
const IN_AUTH = /IKE_AUTH response \d+ \[ N\(AUTH_FAILED\) \]/;
const INFORMED = /parsed INFORMATIONAL request \d+ \[ N\(AUTH_FAILED\) \]/;

export const cases: readonly Case[] = [
  { name: 'ikev2 gateway ocsp, list expired', beside: 'ikev2 revocation', seconds: 90, run: atGateway },
  { name: 'ikev2 client ocsp, list expired', beside: 'ikev2 revocation', seconds: 90, run: atClient },
];

interface Party extends Row {
  readonly authority: MadeAuthority;
  readonly own: Made;
}

interface Parties {
  readonly rows: readonly Party[];
  readonly ours: Made;
  readonly authority: MadeAuthority;
  /** Of the row whose list is out of date. */
  readonly stale: MadeAuthority;
  readonly responders: readonly ChildProcess[];
}

/** @param role of strongSwan, whose certificates are judged */
async function parties(wire: Wire, given: readonly Row[], role: 'server' | 'client'): Promise<Parties> {
  const [authority, stale] = await Promise.all(
    ['Authority', 'Authority of old'].map((name) => MadeAuthority.of('p256', name)),
  );
  const rows = await Promise.all(
    given.map(async (row): Promise<Party> => {
      const by = row.asks === undefined ? stale! : authority!;
      const url = `OCSP;URI:http://${SERVER}:${row.asks}/`;
      const name = role === 'server' ? serverOf(row) : HOLDER;
      const own = await by.issue(role, [name], row.asks === undefined ? [] : [['authorityInfoAccess', url]]);
      return { ...row, authority: by, own };
    }),
  );
  const ours = await authority!.issue(role === 'server' ? 'client' : 'server', [
    role === 'server' ? HOLDER : SERVER_NAME,
  ]);
  const known: Known = rows.map(({ own, isRevoked = false }) => [own, isRevoked]);
  const responders = await Promise.all(
    [PORTS.listed, PORTS.other].map((port) => serveOcsp(wire.server, authority!, known, port)),
  );
  return { rows, ours, authority: authority!, stale: stale!, responders };
}

const serverOf = ({ name }: Row) => `${name}.example.org`;

async function atGateway(lab: Lab): Promise<void> {
  const wire = await lab.wire();
  const { rows, ours, authority, stale, responders } = await parties(wire, ROWS, 'client');
  const [gateway, client] = [wire.ourGateway(), wire.strongSwan('client')];
  await Promise.all([
    gateway.start({
      users: [],
      more: {
        certificates: {
          certificate: wire.write('server', 'own.pem', ours.certificate + ours.key),
          ...trustIn(wire, 'server', authority, stale),
          revocation: 'require',
        },
        ike: { versions: [2], authentication: ['certificate'] },
        remote_access: { eap: [] },
      },
    }),
    client.start(
      several(
        rows.map(({ name }) => ({
          name,
          ike: IKE,
          esp: ESP,
          lines: `remote_addrs = ${SERVER}\n vips = 0.0.0.0
            local { auth = pubkey\n id = ${HOLDER}\n certs = ${name}.pem }
            remote { auth = pubkey\n id = ${SERVER_NAME}\n cacerts = root.pem }`,
          selectors: 'remote_ts = 10.74.0.0/24',
        })),
        { files: { 'x509ca/root.pem': authority.root, ...filesOf(rows) } },
      ),
    ),
  ]);
  for (const { name, code } of rows) {
    const [seen, lines] = [client.log().length, gateway.lines.length];
    if (code === undefined) {
      await client.initiate(name);
      await ping(client, OUR_INNER.v4);
      await client.terminate(name);
    } else {
      await assert.rejects(client.initiate(name), /initiate failed/);
      await client.logged(IN_AUTH, 1, seen);
      await saidAfter(gateway, lines, code);
    }
  }
  assert.deepEqual(await gateway.leftovers(), []);
  await gateway.stop();
  await Promise.all(responders.map((child) => end(child)));
}

async function atClient(lab: Lab): Promise<void> {
  const wire = await lab.wire();
  const { rows, ours, authority, stale, responders } = await parties(wire, [...ROWS, LENIENT], 'server');
  const [server, client] = [wire.strongSwan('server'), wire.ourClient()];
  await server.holdAddresses(STOCK_INNER.v4);
  await server.start(
    several(
      rows.map((row) => ({
        name: row.name,
        ike: IKE,
        esp: ESP,
        lines: `pools = v4
          local { auth = pubkey\n id = ${serverOf(row)}\n certs = ${row.name}.pem }
          remote { auth = pubkey\n cacerts = root.pem }`,
        selectors: `local_ts = ${STOCK_NETWORKS[0]}`,
      })),
      { files: { 'x509ca/root.pem': authority.root, ...filesOf(rows) } },
    ),
  );
  for (const row of rows) {
    const { code, revocation = 'require' } = row;
    const seen = server.log().length;
    await client.startWith({
      server: SERVER,
      server_identity: serverOf(row),
      ike_version: 2,
      certificate: wire.write('client', 'own.pem', ours.certificate + ours.key),
      ...trustIn(wire, 'client', authority, stale),
      revocation,
      ipv6: false,
      routes: [STOCK_NETWORKS[0]],
    });
    if (code === undefined) {
      await client.up();
      await ping(client, STOCK_INNER.v4);
      await client.disconnect();
    } else {
      assert.equal(await client.over(), 1);
      await client.reason(code, 1);
      await server.logged(INFORMED, 5, seen);
    }
  }
  await server.none();
  await Promise.all(responders.map((child) => end(child)));
}

/** Keys of our configuration, which gateway and client name alike. */
function trustIn(wire: Wire, side: 'server' | 'client', authority: MadeAuthority, stale: MadeAuthority) {
  return {
    ca: [wire.write(side, 'root.pem', authority.root), wire.write(side, 'stale.pem', stale.root)],
    crl: [wire.write(side, 'stale.crl', stale.crl(-1))],
    fetch_from: LISTED,
  };
}

function filesOf(rows: readonly Party[]): Record<string, string> {
  return Object.fromEntries(
    rows.flatMap(({ name, own }) => [
      [`x509/${name}.pem`, own.certificate],
      [`private/${name}.pem`, own.key],
    ]),
  );
}

/** Waits for a line with that code after the first `lines` of the log. */
async function saidAfter(ours: OurEnd, lines: number, code: string): Promise<void> {
  const says = (line: object) =>
    ours.lines.indexOf(line as never) >= lines && JSON.stringify(line).includes(`"${code}"`);
  await ours.line(code, says, 10);
}
