/** Android: a profile of the strongSwan app for IKEv2; L2TP, which Android has up to version 11, takes no file. */

import { base64, type ClientSetup, fileName, needed, type SetupFacts } from './facts.ts';

export function androidSetup(facts: SetupFacts): ClientSetup {
  return facts.protocol === 'l2tp' ? l2tp(facts) : ikev2(facts);
}

function l2tp(facts: SetupFacts): ClientSetup {
  return {
    files: [],
    steps: [
      'Android 12 and newer have no L2TP: use IKEv2 there. Android 11 and older need `ike: {profile: legacy}` on the gateway.',
      'Settings > Network & internet > VPN > +: type L2TP/IPSec PSK.',
      `Name ${facts.name}; server address ${facts.server}; IPSec pre-shared key ${needed(facts.psk, 'the pre-shared key')}.`,
      'Leave L2TP secret and IPSec identifier empty.',
      `Connect as ${facts.user} with the user’s password.`,
    ],
  };
}

function ikev2(facts: SetupFacts): ClientSetup {
  const { server, serverIdentity, user, authority, certificate, mtu } = facts;
  const name = fileName(facts, '.sswan');
  const profile = {
    uuid: facts.uuid('profile'),
    name: facts.name,
    type: certificate === undefined ? 'ikev2-eap' : 'ikev2-cert',
    remote: {
      addr: server,
      id: serverIdentity,
      ...(authority === undefined ? {} : { cert: base64(authority.der) }),
    },
    local: certificate === undefined ? { eap_id: user } : { id: user, p12: base64(certificate.pkcs12) },
    mtu,
  };
  const login =
    certificate === undefined
      ? 'Connect; the app asks for the password.'
      : `The app asks for the password of the certificate: ${certificate.password}`;
  return {
    files: [{ name, content: `${JSON.stringify(profile, null, 2)}\n` }],
    steps: [
      'Install the app “strongSwan VPN Client”.',
      `Bring ${name} to the device and open it with the app, or: app menu > Import VPN profile.`,
      login,
      'Delete the file.',
    ],
  };
}
