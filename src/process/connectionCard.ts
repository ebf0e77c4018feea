/** What an administrator must tell a user, in one picture. */

export interface CardFacts {
  /** Addresses under which clients may reach the gateway. */
  readonly addresses: readonly string[];
  readonly psk: string;
  readonly user: string;
  /** Absent where the administrator has set it. */
  readonly password: string | undefined;
}

/** The card as text, 100 columns at most. */
export function connectionCard({ addresses, psk, user, password }: CardFacts): string {
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
  ];
  const width = Math.max(...lines.map((line) => line.length));
  const edge = '─'.repeat(width + 2);
  return [`┌${edge}┐`, ...lines.map((line) => `│ ${line.padEnd(width)} │`), `└${edge}┘`].join('\n');
}
