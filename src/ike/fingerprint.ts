/**
 * What kind of client a peer is, from its vendor ids, the list of its IKE proposals and the names that its L2TP gives:
 * each of them alone may lie, and nothing of security follows from it.
 */

/** What is known of a peer; more may come later. */
export interface ClientSigns {
  /** As `vendorIdText` writes them. */
  readonly vendorIds?: readonly string[] | undefined;
  /** Its phase 1 proposals as `offeredTexts` writes them, in order. */
  readonly offers?: readonly string[] | undefined;
  /** Vendor Name and Host Name AVP. */
  readonly l2tpVendor?: string | undefined;
  readonly hostName?: string | undefined;
}

/**
 * What has to be done differently for a kind of client. `sha2-96`: it may truncate HMAC-SHA2-256 to 96 bits, as an early
 * draft did, and with it Linux before 2.6.33 and the Androids on it.
 */
export type Quirk = 'sha2-96';

export interface Fingerprint {
  /** For people: `Windows 7`, `macOS or iOS`, `strongSwan` … */
  readonly client: string;
  readonly quirks: readonly Quirk[];
}

interface Row {
  readonly client: string;
  readonly vendorId?: RegExp;
  readonly l2tpVendor?: RegExp;
  readonly hostName?: RegExp;
  /** The whole list of proposals, or with `…` at its end how the list begins. */
  readonly offers?: readonly string[];
  /** All proposals are of these groups. */
  readonly groups?: readonly string[];
  readonly leastOffers?: number;
  readonly quirks?: readonly Quirk[];
}

const AES256 = 'aes-cbc-256';
const AES128 = 'aes-cbc-128';
const MICROSOFT = 'MS NT5 ISAKMPOAKLEY';

/** The first row that fits counts; within a row all that is stated must hold. */
const rows: readonly Row[] = [
  { client: 'Sallyport', l2tpVendor: /^Sallyport/ },
  { client: 'Sallyport', vendorId: /^Sallyport$/ },
  { client: 'MikroTik', l2tpVendor: /mikrotik/i },
  { client: 'MikroTik', hostName: /^mikrotik/i },
  { client: 'SoftEther', l2tpVendor: /softether/i },
  { client: 'Cisco', l2tpVendor: /cisco/i },
  { client: 'Windows 7', vendorId: /^MS NT5 ISAKMPOAKLEY \(Windows 7\)/ },
  { client: 'Windows 7 or Server 2008 R2', vendorId: /^MS NT5 ISAKMPOAKLEY \(Windows 7 or 2008 R2\)/ },
  { client: 'Windows 8, 10 or 11', vendorId: /^MS NT5 ISAKMPOAKLEY \(Windows 8/ },
  { client: 'Windows Vista', vendorId: /^MS NT5 ISAKMPOAKLEY \(Windows Vista/ },
  { client: 'Windows XP or older', vendorId: /^MS NT5 ISAKMPOAKLEY \(Windows (2000|XP)/ },
  { client: 'Windows', vendorId: new RegExp(`^${MICROSOFT}`) },
  { client: 'Windows', l2tpVendor: /^Microsoft/ },
  { client: 'Windows', offers: [`${AES256}/hmac-sha1/ecp384`, `${AES128}/hmac-sha1/ecp256`, '…'] },
  { client: 'Android', groups: ['modp1024'], leastOffers: 10, quirks: ['sha2-96'] },
  { client: 'macOS or iOS', vendorId: /\(Apple\)/ },
  {
    client: 'macOS or iOS',
    offers: [`${AES256}/hmac-sha2-256/modp2048`, `${AES256}/hmac-sha1/modp2048`, `${AES256}/hmac-md5/modp2048`, '…'],
  },
  {
    client: 'ChromeOS',
    offers: [`${AES128}/hmac-sha2-256/modp3072`, `${AES128}/hmac-sha1/modp2048`, '3des-cbc/hmac-sha1/modp1536', '…'],
  },
  {
    client: 'Linux, NetworkManager',
    offers: [`${AES256}/hmac-sha2-256/modp2048`, `${AES256}/hmac-sha2-256/modp1536`, '…'],
  },
  // Libreswan and Openswan begin their ids with the letters OE.
  { client: 'libreswan', vendorId: /^4f45/ },
  { client: 'strongSwan', vendorId: /^strongSwan/ },
  { client: 'Cisco', vendorId: /^Cisco Unity/ },
  { client: 'racoon', vendorId: /^KAME\/racoon/, quirks: ['sha2-96'] },
  { client: 'Linux, xl2tpd', l2tpVendor: /^xelerance/i },
];

/** @returns undefined where no sign is known */
export function fingerprint(signs: ClientSigns): Fingerprint | undefined {
  const row = rows.find((candidate) => fits(candidate, signs));
  return row === undefined ? undefined : { client: row.client, quirks: row.quirks ?? [] };
}

function fits(row: Row, { vendorIds = [], offers = [], l2tpVendor = '', hostName = '' }: ClientSigns): boolean {
  if (row.vendorId !== undefined && !vendorIds.some((text) => row.vendorId!.test(text))) return false;
  if (row.l2tpVendor !== undefined && !row.l2tpVendor.test(l2tpVendor)) return false;
  if (row.hostName !== undefined && !row.hostName.test(hostName)) return false;
  if (row.offers !== undefined && !isList(row.offers, offers)) return false;
  if (offers.length < (row.leastOffers ?? 0)) return false;
  return (
    row.groups === undefined || offers.every((text) => row.groups!.includes(text.slice(text.lastIndexOf('/') + 1)))
  );
}

function isList(wanted: readonly string[], offers: readonly string[]): boolean {
  const open = wanted.at(-1) === '…';
  const length = open ? wanted.length - 1 : wanted.length;
  return (open || offers.length === length) && wanted.slice(0, length).every((text, i) => offers[i] === text);
}
