/** xl2tpd and pppd in a guest. pppd reports `ppp-up` and `ppp-down` as events of the guest. */

import type { Guest } from '../guest/guest.ts';
import { sh } from '../process.ts';
import type { Certificates, Method, User } from './options.ts';

/** The words that pppd's `require-` and `refuse-` options use. */
const PPPD_WORDS: Readonly<Record<Method, string>> = {
  pap: 'pap',
  chap: 'chap',
  mschapv2: 'mschap-v2',
  'eap-mschapv2': 'eap',
  'eap-tls': 'eap',
  'eap-md5': 'eap',
};
const PPPD_METHODS = ['pap', 'chap', 'mschap', 'mschap-v2', 'eap'];

export interface L2tp {
  /** xl2tpd's section of the connection, `[lac …]` or `[lns …]` with its settings. */
  readonly section: string;
  /** pppd's options file, one option a line. */
  readonly ppp: readonly string[];
  /** Whom pppd accepts. */
  readonly users: readonly User[];
  /** For EAP-TLS. */
  readonly certificates?: Certificates | undefined;
}

/** Restarts xl2tpd with a new configuration. */
export async function loadL2tp(guest: Guest, { section, ppp, users, certificates }: L2tp): Promise<void> {
  const secrets = users.map(({ name, password }) => `"${name}" * "${password}" *`).join('\n');
  await sh(
    guest,
    `for script in ip-up ip-down; do
      printf '#!/bin/bash\\necho "EVENT %s $1 $4 $5 $PEERNAME" > /dev/ttyS0\\n' ppp-\${script#ip-} > /etc/ppp/$script
    done
    cat > /run/lab/xl2tpd.conf <<'END'
[global]
access control = no
port = 1701
${section}
length bit = yes
ppp debug = yes
pppoptfile = /run/lab/pppd.options
END
    cat > /run/lab/pppd.options <<'END'
${ppp.join('\n')}
END
    cat > /etc/ppp/chap-secrets <<'END'
${secrets}
END
    cp /etc/ppp/chap-secrets /etc/ppp/pap-secrets
    ${eapTlsFiles(certificates)}
    chmod 600 /etc/ppp/*-secrets; chmod 755 /etc/ppp/ip-up /etc/ppp/ip-down
    ${STOP}
    rm -f /run/xl2tpd/l2tp-control
    xl2tpd -D -c /run/lab/xl2tpd.conf -C /run/xl2tpd/l2tp-control -p /run/xl2tpd.pid >> /run/lab/xl2tpd.log 2>&1 &
    await 5 '[ -p /run/xl2tpd/l2tp-control ]'`,
  );
}

/** pppd's options for EAP-TLS. */
export const eapTlsOptions = ['ca /run/lab/ppp-ca.pem', 'cert /run/lab/ppp-cert.pem', 'key /run/lab/ppp-key.pem'];

function eapTlsFiles(certificates: Certificates | undefined): string {
  if (certificates === undefined) return 'rm -f /etc/ppp/eaptls-*';
  const { root, certificate, key } = certificates;
  const files = { ca: root, cert: certificate, key };
  const write = ([name, text]: [string, string]) => `cat > /run/lab/ppp-${name}.pem <<'END'\n${text.trimEnd()}\nEND`;
  const own = '/run/lab/ppp-cert.pem';
  // Client, server, their certificates, the authority, our key.
  const lines = { client: `* * ${own} -`, server: `* * - ${own}` };
  return [
    ...Object.entries(files).map(write),
    ...Object.entries(lines).map(
      ([side, line]) => `echo '${line} /run/lab/ppp-ca.pem /run/lab/ppp-key.pem *' > /etc/ppp/eaptls-${side}`,
    ),
    'chmod 600 /etc/ppp/eaptls-*',
  ].join('\n');
}

/** Ends xl2tpd, which sends StopCCN for each tunnel that is up. */
export async function stopL2tp(guest: Guest): Promise<void> {
  await sh(guest, STOP);
}

/** The options by which one method alone is used: `require-…` as authenticator, `refuse-…` of all others as peer. */
export function requireMethod(method: Method): string[] {
  return [`require-${PPPD_WORDS[method]}`];
}

export function refuseOthers(method: Method): string[] {
  return PPPD_METHODS.filter((word) => word !== PPPD_WORDS[method]).map((word) => `refuse-${word}`);
}

/** SIGTERM to every pppd: LCP Terminate, then xl2tpd's CDN. */
export async function terminatePpp(guest: Guest): Promise<void> {
  await guest.run('kill -TERM $(pidof pppd)');
}

export async function waitForNoPpp(guest: Guest, seconds: number): Promise<boolean> {
  return (await guest.run(`await ${seconds} '! pidof pppd > /dev/null'`, seconds + 5)).code === 0;
}

const STOP = `if [ -s /run/xl2tpd.pid ]; then
      kill -TERM $(cat /run/xl2tpd.pid) 2> /dev/null
      await 5 '! pidof xl2tpd pppd > /dev/null' || kill -KILL $(pidof xl2tpd pppd)
      rm -f /run/xl2tpd.pid
    fi`;
