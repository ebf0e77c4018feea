/** Linux with strongSwan, xl2tpd and pppd: L2TP/IPsec with a pre-shared key. swanctl.conf(5), xl2tpd.conf(5), pppd(8). */

import { base64Text, type ClientSetup, needed, type SetupFacts } from './facts.ts';
import { swanctlString } from './swanctlString.ts';

export function xl2tpdSetup(facts: SetupFacts): ClientSetup {
  const { user, password } = facts;
  return {
    files: [
      { name: 'swanctl/conf.d/sallyport.conf', content: swanctl(facts) },
      { name: 'xl2tpd/xl2tpd.conf', content: xl2tpd(facts) },
      { name: 'ppp/options.sallyport', content: options(facts) },
    ],
    steps: [
      'Install: apt install strongswan-swanctl charon-systemd libstrongswan-extra-plugins xl2tpd ppp',
      'Copy the folders swanctl, xl2tpd and ppp over those in /etc, owned by root and mode 0600.',
      ...(password === undefined ? [`Put the password of ${user} into /etc/ppp/options.sallyport.`] : []),
      'sudo systemctl restart strongswan xl2tpd && sudo swanctl --initiate --child sallyport',
      'sudo xl2tpd-control connect-lac sallyport',
      'The device ppp0 is up then; routes into it are yours to set (replacedefaultroute in the options sends all).',
    ],
  };
}

function swanctl(facts: SetupFacts): string {
  const { server } = facts;
  return `connections {
  sallyport {
    version = 1
    remote_addrs = ${server}
    proposals = aes256-sha256-modp2048
    dpd_delay = 30s
    local {
      auth = psk
    }
    remote {
      auth = psk
    }
    children {
      sallyport {
        mode = transport
        local_ts = dynamic[udp/1701]
        remote_ts = dynamic[udp/1701]
        esp_proposals = aes256gcm16, aes256-sha256
        dpd_action = restart
      }
    }
  }
}

secrets {
  ike-sallyport {
    secret = 0s${base64Text(needed(facts.psk, 'the pre-shared key'))}
  }
}
`;
}

function xl2tpd({ server }: SetupFacts): string {
  return `[global]
access control = no

[lac sallyport]
lns = ${server}
length bit = yes
redial = yes
redial timeout = 5
tx bps = 1000000000
rx bps = 1000000000
pppoptfile = /etc/ppp/options.sallyport
`;
}

function options({ user, password, mtu }: SetupFacts): string {
  return `noauth
user ${swanctlString(user)}
password ${password === undefined ? '"the password"' : swanctlString(password)}
refuse-eap
refuse-pap
refuse-mschap
noipdefault
ipcp-accept-local
ipcp-accept-remote
usepeerdns
nodefaultroute
noccp
mtu ${mtu}
mru ${mtu}
lcp-echo-interval 30
lcp-echo-failure 4
`;
}
