/** ChromeOS: an Open Network Configuration file (.onc). Chromium, components/onc/docs/onc_spec.md. */

import { type ClientSetup, deleteStep, fileName, needed, type SetupFacts } from './facts.ts';

export function chromeOsSetup(facts: SetupFacts): ClientSetup {
  const name = fileName(facts, '.onc');
  const { authority } = facts;
  const guid = `{${facts.uuid('profile')}}`;
  const vpn = facts.protocol === 'l2tp' ? l2tp(facts) : ikev2(facts);
  const document = {
    Type: 'UnencryptedConfiguration',
    NetworkConfigurations: [{ GUID: guid, Name: facts.name, Type: 'VPN', VPN: { ...vpn, Host: facts.server } }],
    Certificates:
      facts.protocol === 'l2tp' || authority === undefined
        ? []
        : [{ GUID: `{${facts.uuid('authority')}}`, Type: 'Authority', X509: authority.pem }],
  };
  return {
    files: [{ name, content: `${JSON.stringify(document, null, 2)}\n` }],
    steps: [
      `Copy ${name} to the Chromebook.`,
      'Open chrome://network#general in the browser > Import ONC file.',
      `Settings > Network > VPN > ${facts.name} > Connect.`,
      deleteStep(facts, 'file'),
    ],
  };
}

function l2tp(facts: SetupFacts) {
  const { user, password } = facts;
  return {
    Type: 'L2TP-IPsec',
    IPsec: {
      AuthenticationType: 'PSK',
      IKEVersion: 1,
      PSK: needed(facts.psk, 'the pre-shared key'),
      SaveCredentials: true,
    },
    L2TP: {
      Username: user,
      ...(password === undefined ? {} : { Password: password }),
      SaveCredentials: password !== undefined,
    },
  };
}

function ikev2(facts: SetupFacts) {
  const { serverIdentity, user, password, authority } = facts;
  if (facts.certificate !== undefined) {
    throw new RangeError(
      'ChromeOS takes client certificates from its own store: take --password-login for a profile without one',
    );
  }
  return {
    Type: 'IPsec',
    IPsec: {
      AuthenticationType: 'EAP',
      IKEVersion: 2,
      RemoteIdentity: serverIdentity,
      EAP: {
        Outer: 'MSCHAPv2',
        Identity: user,
        ...(password === undefined ? {} : { Password: password }),
        SaveCredentials: password !== undefined,
      },
      ...(authority === undefined ? {} : { ServerCAPEMs: [authority.pem] }),
    },
  };
}
