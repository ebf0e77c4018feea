/** MikroTik RouterOS 7: a script for the L2TP client or for IKEv2. */

import { type ClientSetup, fileName, needed, type SetupFacts } from './facts.ts';

export function mikrotikSetup(facts: SetupFacts): ClientSetup {
  const name = fileName(facts, '.rsc');
  const { authority } = facts;
  const isL2tp = facts.protocol === 'l2tp';
  const ca = isL2tp || authority === undefined ? [] : [{ name: CA_FILE, content: authority.pem }];
  const lines = isL2tp ? l2tp(facts) : ikev2(facts);
  return {
    files: [{ name, content: `${lines.join('\n')}\n` }, ...ca],
    steps: [
      `Upload ${[name, ...ca.map((file) => file.name)].join(' and ')} to the router (Files).`,
      `/import file-name=${name}`,
      'Delete the files on the router: they hold secrets.',
    ],
  };
}

const CA_FILE = 'sallyport-ca.pem';

/** The default IPsec profile and proposal are what `use-ipsec` takes; both still name MODP-1024. */
function l2tp(facts: SetupFacts): string[] {
  const { name, server, user, mtu } = facts;
  const psk = needed(facts.psk, 'the pre-shared key');
  return [
    '/ip ipsec profile set [find default=yes] enc-algorithm=aes-256 hash-algorithm=sha256 dh-group=modp2048 nat-traversal=yes',
    '/ip ipsec proposal set [find default=yes] enc-algorithms=aes-256-cbc auth-algorithms=sha256 pfs-group=none',
    `/interface l2tp-client add name=${quote(name)} connect-to=${quote(server)} user=${quote(user)} ` +
      `password=${passwordOf(facts)} use-ipsec=yes ipsec-secret=${quote(psk)} allow=mschap2 ` +
      `max-mtu=${mtu} max-mru=${mtu} profile=default add-default-route=no disabled=no`,
  ];
}

function ikev2(facts: SetupFacts): string[] {
  const { name, server, serverIdentity, user, authority } = facts;
  const label = quote(name);
  const id = /^[0-9.]+$|:/.test(serverIdentity) ? `address:${serverIdentity}` : `fqdn:${serverIdentity}`;
  return [
    ...(authority === undefined ? [] : [`/certificate import file-name=${CA_FILE} passphrase=""`]),
    `/ip ipsec profile add name=${label} enc-algorithm=aes-256 hash-algorithm=sha256 dh-group=ecp256,modp2048`,
    `/ip ipsec proposal add name=${label} enc-algorithms=aes-256-gcm,aes-256-cbc auth-algorithms=sha256 pfs-group=none`,
    `/ip ipsec policy group add name=${label}`,
    `/ip ipsec policy add group=${label} proposal=${label} template=yes`,
    `/ip ipsec mode-config add name=${label} responder=no`,
    `/ip ipsec peer add name=${label} address=${quote(server)} exchange-mode=ike2 profile=${label}`,
    `/ip ipsec identity add peer=${label} auth-method=eap eap-methods=eap-mschapv2 username=${quote(user)} ` +
      `password=${passwordOf(facts)} remote-id=${quote(id)} mode-config=${label} policy-template-group=${label} ` +
      'generate-policy=port-strict certificate=""',
  ];
}

/** RouterOS keeps an empty password and refuses to log in, so that one is set by hand. */
const passwordOf = ({ password }: SetupFacts) => quote(password ?? '');

function quote(text: string): string {
  return `"${text.replace(/[\\"$?]/g, (mark) => `\\${mark}`)}"`;
}
