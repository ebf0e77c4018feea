/** What an administrator must tell a user, in one picture. */

export interface CardFacts {
  /** Addresses under which clients may reach the gateway. */
  readonly addresses: readonly string[];
  readonly psk: string;
  readonly user: string;
  /** Absent where the administrator has set it. */
  readonly password: string | undefined;
  /** Where users may log in with IKEv2: what the gateway's certificate is for, and the authority that issued it. */
  readonly ikeV2?: { readonly name: string; readonly authority: string | undefined } | undefined;
}

/** The card as text, 100 columns at most. */
export function connectionCard({ addresses, psk, user, password, ikeV2 }: CardFacts): string {
  const server = addresses[0] ?? 'this host';
  const more = addresses.length > 1 ? `  (also ${addresses.slice(1).join(', ')})` : '';
  const secret = password ?? 'as you have set it';
  const lines = [
    'CONNECT WITH L2TP/IPsec',
    '',
    `  Server          ${server}${more}`,
    `  Pre-shared key  ${psk}`,
    `  User            ${user}`,
    `  Password        ${secret}`,
    '',
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
    ...(ikeV2 === undefined ? [] : ikeV2Lines(ikeV2, server, user, secret)),
  ];
  const width = Math.max(...lines.map((line) => line.length));
  const edge = '─'.repeat(width + 2);
  return [`┌${edge}┐`, ...lines.map((line) => `│ ${line.padEnd(width)} │`), `└${edge}┘`].join('\n');
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
