/** strongSwan in a guest: an IKEv1 daemon with one transport-mode connection for L2TP. */

import type { Guest } from '../guest/guest.ts';
import { sh } from '../process.ts';
import type { Ipsec } from './options.ts';

/** Few plugins, named: with all of the stock file each call of swanctl takes seconds in a guest. */
const SETTINGS = `
charon-systemd {
  load = random nonce openssl aes des sha1 sha2 md5 hmac kdf gcm pem pkcs1 pkcs8 x509 pubkey kernel-netlink socket-default vici updown
  retransmit_timeout = 1.0
  retransmit_tries = 4
  journal { default = -1 }
  filelog { log { path = /run/lab/charon.log
    default = 1
    ike = 2
    cfg = 2
    flush_line = yes
    ike_name = yes } }
}
swanctl { load = random nonce openssl pem pkcs1 pkcs8 pubkey x509 }
`;

export interface Connection extends Ipsec {
  readonly role: 'client' | 'server';
  /** The server that a client talks to. */
  readonly server: string;
}

/** What an SA lives longer than until its renewal. Seconds. */
const SPARE = 4;

/** Loads the connection `l2tp`, after whatever was loaded or up before is gone. Starts the daemon when needed. */
export async function loadIpsec(guest: Guest, connection: Connection): Promise<void> {
  await sh(
    guest,
    `cat > /run/lab/swanctl.conf <<'END'
${swanctlConf(connection)}
END
    if [ ! -S /run/charon.vici ]; then
      cat > $STRONGSWAN_CONF <<'END'
${SETTINGS}
END
      # No L2TP outside IPsec: the policies of an SA take precedence over these.
      for dir in in out; do for port in sport dport; do
        ip xfrm policy add src 0.0.0.0/0 dst 0.0.0.0/0 proto udp $port 1701 dir $dir action block priority 4000000000
      done; done
      charon-systemd > /run/lab/charon.out 2>&1 &
      await 10 '[ -S /run/charon.vici ]'
    fi
    ${filesOf(connection)}
    swanctl --load-all --file /run/lab/swanctl.conf`,
  );
}

export async function initiateIpsec(guest: Guest): Promise<void> {
  await sh(guest, `swanctl --initiate --child l2tp --timeout 15`);
}

/** Deletes ESP and IKE SAs in order, telling the peer. */
export async function terminateIpsec(guest: Guest): Promise<void> {
  await guest.run(`swanctl --terminate --ike l2tp --timeout 5`);
}

/** The IKE and ESP SAs and the pppd processes that are still there after up to `seconds`; none when all is clean. */
export async function leftovers(guest: Guest, seconds: number): Promise<string[]> {
  const output = await sh(
    guest,
    `left() { echo $(pidof pppd | sed 's/^/pppd /'; swanctl --list-sas; ip xfrm state list | grep -a '^src'); }
    await ${seconds} '[ -z "$(left)" ]'
    left 2> /dev/null`,
    seconds + 15,
  );
  return output.split('\n').filter((line) => line !== '');
}

/** What strongSwan prints about its SAs, for people. */
export async function describeIpsec(guest: Guest): Promise<string> {
  return (await guest.run(`swanctl --list-sas`)).output;
}

/** What lies in swanctl's folders, which are beside its file, as commands of the shell. */
function filesOf({ certificates }: Connection): string {
  const folder = '/run/lab';
  const none = `rm -rf ${folder}/{x509ca,x509,private}; mkdir -p ${folder}/{x509ca,x509,private}`;
  if (certificates === undefined) return none;
  const { root, certificate, key } = certificates;
  const files = { 'x509ca/root.pem': root, 'x509/own.pem': certificate, 'private/own.pem': key };
  const write = ([name, text]: [string, string]) => `cat > ${folder}/${name} <<'END'\n${text.trimEnd()}\nEND`;
  return [none, ...Object.entries(files).map(write)].join('\n');
}

function swanctlConf(connection: Connection): string {
  const { version = 1, role, server, psk, certificates, ike, esp, ikeRekey, espRekey, dpd } = connection;
  const { identity, remoteIdentity = '%any' } = certificates ?? {};
  const auth =
    certificates === undefined
      ? 'local { auth = psk }\n  remote { auth = psk }'
      : `local { auth = pubkey\n certs = own.pem\n ${identity === undefined ? '' : `id = ${identity}`} }
  remote { auth = pubkey\n cacerts = root.pem\n id = ${remoteIdentity} }`;
  const remoteSelector = role === 'client' ? 'dynamic[udp/1701]' : 'dynamic[udp]';
  return `
connections { l2tp {
  version = ${version}
  ${role === 'client' ? `remote_addrs = ${server}` : ''}
  proposals = ${ike}
  dpd_delay = ${dpd?.delay ?? 0}
  ${dpd === undefined ? '' : `dpd_timeout = ${dpd.timeout}`}
  ${ikeRekey === undefined ? '' : `rekey_time = ${ikeRekey[1]}\n  rand_time = ${ikeRekey[1] - ikeRekey[0]}\n  over_time = ${SPARE}`}
  unique = never
  ${auth}
  children { l2tp {
    mode = transport
    local_ts = dynamic[udp/1701]
    remote_ts = ${remoteSelector}
    esp_proposals = ${esp}
    ${espRekey === undefined ? '' : `rekey_time = ${espRekey[1]}\n    rand_time = ${espRekey[1] - espRekey[0]}\n    life_time = ${espRekey[1] + SPARE}`}
    ${dpd === undefined ? '' : `dpd_action = ${role === 'client' ? 'restart' : 'clear'}`}
  } }
} }
secrets { ike-lab { secret = "${psk}" } }`;
}
