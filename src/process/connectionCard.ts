/** What an administrator must tell a user, in one picture. */

export interface CardFacts {
  /** Addresses under which clients may reach the gateway. */
  readonly addresses: readonly string[];
  /** Absent where clients prove themselves by certificates alone. */
  readonly psk: string | undefined;
  /** Whether `sallyport ca` of this gateway issues those certificates. */
  readonly issuesCertificates?: boolean;
  readonly user: string;
  /** Absent where the administrator has set it. */
  readonly password: string | undefined;
  /** Where users may log in with IKEv2: what the gateway's certificate is for, and the authority that issued it. */
  readonly ikeV2?: { readonly name: string; readonly authority: string | undefined } | undefined;
}

/** The card as text, 100 columns at most. */
export function connectionCard(facts: CardFacts): string {
  const { addresses, user, password, ikeV2 } = facts;
  // As FILE, for who reads the commands to fill in.
  const server = addresses[0] ?? 'SERVER';
  const shown = addresses[0] ?? 'this host, which has no address yet';
  const more = addresses.length > 1 ? `  (also ${addresses.slice(1).join(', ')})` : '';
  const secret = password ?? 'as you have set it';
  const who = [`  User            ${user}`, `  Password        ${secret}`, ''];
  const lines = [
    ...(facts.psk === undefined
      ? certificateLines(facts, shown + more, server, who)
      : pskLines(facts.psk, shown + more, server, who, user)),
    ...(ikeV2 === undefined ? [] : ikeV2Lines(ikeV2, server, user, secret)),
  ];
  const width = Math.max(...lines.map((line) => line.length));
  const edge = '─'.repeat(width + 2);
  return [`┌${edge}┐`, ...lines.map((line) => `│ ${line.padEnd(width)} │`), `└${edge}┘`].join('\n');
}

function pskLines(psk: string, servers: string, server: string, who: readonly string[], user: string): string[] {
  return [
    'CONNECT WITH L2TP/IPsec',
    '',
    `  Server          ${servers}`,
    `  Pre-shared key  ${psk}`,
    ...who,
    'Windows   Settings > Network & internet > VPN > Add VPN: type "L2TP/IPsec with pre-shared key";',
    '          enter the four values above. If this gateway is behind a NAT (error 809), set the registry',
    '          value AssumeUDPEncapsulationContextOnSendRule=2 under PolicyAgent and restart.',
    'macOS     System Settings > VPN > Add VPN Configuration > L2TP over IPSec: Server, Account = user,',
    '          Password; Shared secret = pre-shared key; Options: send all traffic over VPN.',
    'iOS       Settings > General > VPN & Device Management > VPN > Add > L2TP: Server, Account = user,',
    '          Password; Secret = pre-shared key.',
    'Android   up to 11: Settings > Network > VPN > + > L2TP/IPSec PSK; needs "ike: {profile: legacy}" here.',
    '          Android 12 and newer have no L2TP.',
    'Linux     NetworkManager: install network-manager-l2tp, add an L2TP VPN; Gateway = server, User,',
    '          Password; IPsec settings: pre-shared key.',
    `          Sallyport:  sallyport connect ${server} --user ${user} --psk-file FILE`,
  ];
}

function certificateLines(
  { user, issuesCertificates }: CardFacts,
  servers: string,
  server: string,
  who: readonly string[],
): string[] {
  return [
    'CONNECT WITH L2TP/IPsec AND A CERTIFICATE',
    '',
    `  Server          ${servers}`,
    issuesCertificates
      ? `  Certificate     of each user’s own: \`sallyport ca issue ${user}\` writes ${user}.p12 and tells its password`
      : '  Certificate     of each user’s own, as PKCS #12 (.p12), from the authority that you have configured',
    ...who,
    'Windows   Import the .p12 for "Local Machine"; Settings > Network & internet > VPN > Add VPN: type',
    '          "L2TP/IPsec with certificate". If this gateway is behind a NAT (error 809), set the registry',
    '          value AssumeUDPEncapsulationContextOnSendRule=2 under PolicyAgent and restart.',
    'macOS     Put the .p12 into the System keychain; VPN > Add VPN Configuration > L2TP over IPSec: Server,',
    '          Account = user, Password; Machine authentication = the certificate.',
    'iOS       has L2TP with a pre-shared key alone, which this gateway does not take: use IKEv2.',
    'Android   up to 11: install the .p12, then Settings > Network > VPN > + > L2TP/IPSec RSA; needs',
    '          "ike: {profile: legacy}" here. Android 12 and newer have no L2TP: use IKEv2.',
    'Linux     NetworkManager: install network-manager-l2tp, add an L2TP VPN; Gateway = server, User,',
    '          Password; IPsec settings: certificates.',
    `          Sallyport:  sallyport connect ${server} --user ${user} --certificate ${user}.p12`,
    '                      --certificate-password-file FILE',
  ];
}

function ikeV2Lines(
  { name, authority }: NonNullable<CardFacts['ikeV2']>,
  server: string,
  user: string,
  secret: string,
): string[] {
  const trust = authority === undefined ? [] : [`  Authority       ${authority}`];
  const identity = name === server ? '' : ` --server-identity ${name}`;
  return [
    '',
    'OR WITH IKEv2 (Windows, macOS, iOS, Android 11 and newer, Linux)',
    '',
    `  Server          ${server}`,
    `  Remote ID       ${name}`,
    `  User, password  ${user}, ${secret}`,
    ...trust,
    '',
    'Devices   `sallyport profile USER --os windows --protocol ikev2 --server NAME` writes ready-made',
    '          settings with the authority in them; also for macos, ios, android, linux-nm …',
    `Sallyport sallyport connect ${server} --ikev2 --user ${user} --ca ca.crt${identity}`,
  ];
}
