/** What a client's core is told of IKEv2: how it proves itself, whom it believes, and which tunnel it wants. */

import type { ClientConfig } from '../client/index.ts';
import type { ClientSettings } from '../config/clientSchema.ts';
import { StartError } from '../driver/openPorts.ts';
import type { EapMethodName } from '../eap/index.ts';
import { secretTable } from '../ike/v1/index.ts';
import type { IkeV2Config } from '../ike/v2/index.ts';
import { utf8 } from '../wire/index.ts';
import type { ClientIdentity } from './clientConfig.ts';
import { identityOf } from './gatewayConfig.ts';
import { ikeV2ProfileOf } from './ikeProposals.ts';

export interface IkeV2Mode {
  readonly isNative: boolean;
  readonly authenticate: 'eap' | 'signature' | 'pre-shared-key';
}

type ModeSettings = Pick<
  ClientSettings,
  'ike_version' | 'tunnel' | 'ike_authentication' | 'certificate' | 'psk' | 'psk_file' | 'auth'
>;

/** Undefined where the client speaks IKEv1. */
export function ikeV2Mode(settings: ModeSettings): IkeV2Mode | undefined {
  const { ike_version, tunnel = 'native', ike_authentication, certificate, psk, psk_file, auth } = settings;
  if (ike_version !== 2) return undefined;
  const isNative = tunnel === 'native';
  const [told] = ike_authentication ?? [];
  if (told !== undefined) return { isNative, authenticate: told === 'psk' ? 'pre-shared-key' : 'signature' };
  if (isNative && auth.every(isEapMethod)) return { isNative, authenticate: 'eap' };
  if (certificate !== undefined) return { isNative, authenticate: 'signature' };
  return { isNative, authenticate: psk === undefined && psk_file === undefined ? 'eap' : 'pre-shared-key' };
}

/** The methods of EAP among those that the user may prove themselves with; MSCHAPv2 where there is none. */
export function eapMethodsOf({ auth }: Pick<ClientSettings, 'auth'>): readonly EapMethodName[] {
  const methods = auth.filter(isEapMethod);
  return methods.length > 0 ? methods : ['eap-mschapv2'];
}

/** Whether a user has to be named, and whether with a password. */
export function wantsUser(settings: ModeSettings & Pick<ClientSettings, 'ipsec'>): 'no' | 'name' | 'password' {
  const mode = settings.ipsec ? ikeV2Mode(settings) : undefined;
  if (mode?.isNative) {
    if (mode.authenticate !== 'eap') return 'no';
    return eapMethodsOf(settings).every((method) => method === 'eap-tls') ? 'name' : 'password';
  }
  // A certificate proves the user without one.
  return settings.auth.every((method) => method === 'eap-tls') ? 'name' : 'password';
}

/**
 * @param server whom we mean, wherever another one may send us
 * @throws StartError where there is nothing to know the server by
 */
export function clientIkeV2(
  { settings, password, psk, certificates, redirectedFrom, followsRedirects = true, ppk, tickets }: ClientIdentity,
  mode: IkeV2Mode,
  server: string,
): Pick<ClientConfig, 'ikeV2' | 'tunnel' | 'families' | 'eap'> {
  const { isNative, authenticate } = mode;
  const { user = '', identity, server_identity: serverIdentity, ike_authentication: listed = [] } = settings;
  const trustAnchors = certificates?.trustAnchors ?? [];
  const credentials = authenticate === 'signature' ? (certificates?.credentials ?? []) : [];
  if (authenticate === 'signature' && credentials.length === 0) throw new StartError(NO_CERTIFICATE);
  if (authenticate !== 'pre-shared-key' && trustAnchors.length === 0) throw new StartError(NO_AUTHORITY);
  const own =
    authenticate === 'signature' ? certificates?.identity : authenticate === 'eap' ? identityOf(user) : undefined;
  const localIdentity = identity === undefined ? own : identityOf(identity);
  const believesKey = authenticate === 'pre-shared-key' || listed.includes('psk');
  // A pre-shared key says nothing of the server's name; a certificate must be for the one that was meant.
  const remote = serverIdentity ?? (believesKey ? undefined : server);
  const methods = eapMethodsOf(settings);
  const ikeV2: IkeV2Config = {
    secrets: secretTable(psk === undefined ? [] : [{ secret: utf8(psk) }]),
    credentials,
    trustAnchors,
    accept: [
      ...(trustAnchors.length > 0 ? (['signature'] as const) : []),
      ...(believesKey ? (['pre-shared-key'] as const) : []),
    ],
    profile: ikeV2ProfileOf(settings),
    ...(localIdentity === undefined ? {} : { localIdentity }),
    ...(remote === undefined ? {} : { remoteIdentity: identityOf(remote) }),
    // The server's certificate has been believed before the password is shown to it.
    eapWithoutKey: methods.includes('eap-gtc'),
    ...(ppk === undefined ? {} : { postquantumKeys: ppk }),
    ...(tickets === undefined ? {} : { resumption: true, keptTickets: tickets }),
    // Wherever we are sent, the identity that is asked for is the one that was configured.
    followRedirects: settings.follow_redirects && followsRedirects,
    initiate: {
      authenticate,
      // By a password anybody would be believed who has us try one.
      eapOnly: settings.eap_only && methods.every((method) => method === 'eap-tls'),
      ...(redirectedFrom === undefined ? {} : { redirectedFrom }),
    },
  };
  return {
    ikeV2,
    tunnel: isNative ? 'native' : 'l2tp',
    families: { ipv4: true, ipv6: settings.ipv6 },
    ...(authenticate === 'eap' ? { eap: { methods, credentials: { user, password } } } : {}),
  };
}

const isEapMethod = (method: string): method is EapMethodName => method.startsWith('eap-');

const NO_CERTIFICATE = {
  code: 'no-credential',
  reason: 'the client is to prove itself by a certificate, and there is none',
  remedy: 'Name it with --certificate, and its key with --key.',
};

const NO_AUTHORITY = {
  code: 'no-authority',
  reason: 'there is no authority by which the certificate of the server could be known',
  remedy: 'Name the file of the authority with --ca.',
};
