/** Linux with strongSwan: a swanctl.conf for native IKEv2. swanctl.conf(5). */

import { base64Text, type ClientSetup, type SetupFacts } from './facts.ts';
import { swanctlString } from './swanctlString.ts';

export function swanctlSetup(facts: SetupFacts): ClientSetup {
  const { user, password, authority, certificate } = facts;
  const files = [
    { name: 'swanctl/conf.d/sallyport.conf', content: configuration(facts) },
    ...(authority === undefined ? [] : [{ name: 'swanctl/x509ca/sallyport.pem', content: authority.pem }]),
    ...(certificate === undefined ? [] : [{ name: 'swanctl/pkcs12/sallyport.p12', content: certificate.pkcs12 }]),
  ];
  const asks =
    password === undefined && certificate === undefined
      ? [`Put the password of ${user} into the section secrets of sallyport.conf.`]
      : [];
  return {
    files,
    steps: [
      'Install strongSwan: apt install strongswan-swanctl charon-systemd libcharon-extra-plugins libcharon-extauth-plugins',
      'Copy the folder swanctl over /etc/swanctl, owned by root and mode 0600.',
      ...asks,
      'sudo systemctl restart strongswan && sudo swanctl --initiate --child sallyport',
    ],
  };
}

function configuration({ server, serverIdentity, user, password, authority, certificate }: SetupFacts): string {
  const local =
    certificate === undefined
      ? ['auth = eap', `eap_id = ${swanctlString(user)}`, `id = ${swanctlString(user)}`]
      : ['auth = pubkey', `id = ${swanctlString(user)}`];
  const secrets =
    certificate === undefined
      ? ['eap-sallyport {', `  id = ${swanctlString(user)}`, `  secret = ${secretOf(password)}`, '}']
      : // Base64 is for shared secrets alone.
        ['pkcs12-sallyport {', '  file = sallyport.p12', `  secret = ${swanctlString(certificate.password)}`, '}'];
  return `connections {
  sallyport {
    version = 2
    remote_addrs = ${server}
    proposals = aes256gcm16-prfsha384-ecp384, aes256-sha256-modp2048
    vips = 0.0.0.0, ::
    dpd_delay = 30s
    local {
      ${local.join('\n      ')}
    }
    remote {
      auth = pubkey
      id = ${swanctlString(serverIdentity)}${authority === undefined ? '' : '\n      cacerts = sallyport.pem'}
    }
    children {
      sallyport {
        remote_ts = 0.0.0.0/0, ::/0
        esp_proposals = aes256gcm16-ecp384, aes256gcm16
        dpd_action = restart
      }
    }
  }
}

secrets {
  ${secrets.join('\n  ')}
}
`;
}

const secretOf = (password: string | undefined) =>
  password === undefined ? '"the password"' : `0s${base64Text(password)}`;
