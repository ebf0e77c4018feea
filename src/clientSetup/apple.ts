/** macOS, iOS and iPadOS: a configuration profile (.mobileconfig). Apple, Configuration Profile Reference, VPN payload. */

import { base64, type ClientSetup, deleteStep, fileName, needed, type SetupFacts } from './facts.ts';

/** A property list's value; bytes are data. */
type Plist = string | number | boolean | Uint8Array | readonly Plist[] | { readonly [key: string]: Plist };

export function appleSetup(facts: SetupFacts): ClientSetup {
  const name = fileName(facts, '.mobileconfig');
  const payloads = facts.protocol === 'l2tp' ? [l2tp(facts)] : ikev2(facts);
  const profile = {
    PayloadType: 'Configuration',
    PayloadVersion: 1,
    PayloadIdentifier: `sallyport.${facts.uuid('profile')}`,
    PayloadUUID: facts.uuid('profile'),
    PayloadDisplayName: facts.name,
    PayloadContent: payloads,
  };
  return {
    files: [{ name, content: document(profile) }],
    steps: [
      `Bring ${name} to the device (AirDrop, mail, a web page) and open it.`,
      'iOS: Settings > Profile Downloaded > Install. macOS: System Settings > General > Device Management > Install.',
      `Switch ${facts.name} on in the VPN settings${facts.password === undefined && facts.certificate === undefined ? '; the password is asked for' : ''}.`,
      deleteStep(facts, 'file'),
    ],
  };
}

function l2tp(facts: SetupFacts): Plist {
  const { server, user, password } = facts;
  const psk = needed(facts.psk, 'the pre-shared key');
  return {
    ...payload(facts, 'com.apple.vpn.managed', 'vpn'),
    UserDefinedName: facts.name,
    VPNType: 'L2TP',
    IPSec: { AuthenticationMethod: 'SharedSecret', SharedSecret: new TextEncoder().encode(psk) },
    PPP: {
      CommRemoteAddress: server,
      AuthName: user,
      AuthenticationMethod: 'Password',
      ...(password === undefined ? {} : { AuthPassword: password }),
    },
    IPv4: { OverridePrimary: 1 },
  };
}

function ikev2(facts: SetupFacts): Plist[] {
  const { server, serverIdentity, user, password, authority, certificate } = facts;
  const security = { EncryptionAlgorithm: 'AES-256-GCM', IntegrityAlgorithm: 'SHA2-256', DiffieHellmanGroup: 19 };
  const login =
    certificate === undefined
      ? {
          AuthenticationMethod: 'None',
          ExtendedAuthEnabled: 1,
          AuthName: user,
          ...(password === undefined ? {} : { AuthPassword: password }),
        }
      : {
          AuthenticationMethod: 'Certificate',
          ExtendedAuthEnabled: 0,
          PayloadCertificateUUID: facts.uuid('certificate'),
          CertificateType: certificate.key === 'rsa' ? 'RSA' : 'ECDSA256',
        };
  const vpn = {
    ...payload(facts, 'com.apple.vpn.managed', 'vpn'),
    UserDefinedName: facts.name,
    VPNType: 'IKEv2',
    IKEv2: {
      RemoteAddress: server,
      RemoteIdentifier: serverIdentity,
      LocalIdentifier: user,
      ...login,
      ...(authority === undefined ? {} : { ServerCertificateIssuerCommonName: authority.commonName }),
      IKESecurityAssociationParameters: { ...security, LifeTimeInMinutes: 1440 },
      ChildSecurityAssociationParameters: { ...security, LifeTimeInMinutes: 480 },
      // Without it Apple's clients never propose a group when they renew, and some servers refuse that.
      EnablePFS: 1,
      DeadPeerDetectionRate: 'Medium',
      DisableMOBIKE: 0,
      DisableRedirect: 0,
      UseConfigurationAttributeInternalIPSubnet: 0,
    },
    IPv4: { OverridePrimary: 1 },
  };
  const out: Plist[] = [vpn];
  if (authority !== undefined) {
    out.push({ ...payload(facts, 'com.apple.security.root', 'authority'), PayloadContent: authority.der });
  }
  if (certificate !== undefined) {
    const { pkcs12, password: opening } = certificate;
    out.push({
      ...payload(facts, 'com.apple.security.pkcs12', 'certificate'),
      PayloadContent: pkcs12,
      Password: opening,
    });
  }
  return out;
}

function payload(facts: SetupFacts, type: string, purpose: string) {
  return {
    PayloadType: type,
    PayloadVersion: 1,
    PayloadIdentifier: `sallyport.${facts.uuid(purpose)}`,
    PayloadUUID: facts.uuid(purpose),
    PayloadDisplayName: `${facts.name} ${purpose}`,
  };
}

function document(root: Plist): string {
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">',
    '<plist version="1.0">',
    element(root, ''),
    '</plist>',
    '',
  ].join('\n');
}

function element(value: Plist, indent: string): string {
  const inner = `${indent}  `;
  if (typeof value === 'string') return `${indent}<string>${escaped(value)}</string>`;
  if (typeof value === 'number') return `${indent}<integer>${value}</integer>`;
  if (typeof value === 'boolean') return `${indent}<${value}/>`;
  if (value instanceof Uint8Array) return `${indent}<data>${base64(value)}</data>`;
  if (isList(value)) {
    return [`${indent}<array>`, ...value.map((item) => element(item, inner)), `${indent}</array>`].join('\n');
  }
  const entries = Object.entries(value).map(
    ([key, item]) => `${inner}<key>${escaped(key)}</key>\n${element(item, inner)}`,
  );
  return [`${indent}<dict>`, ...entries, `${indent}</dict>`].join('\n');
}

const isList = (value: Plist): value is readonly Plist[] => Array.isArray(value);

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
