/** What real IKEv2 peers offer, as their servers' logs show it, in config words. */

interface IkePeer {
  readonly name: string;
  readonly ike: readonly string[];
  /** Of the first KE payload. */
  readonly keGroup: number;
  readonly picks: Readonly<Record<'strict' | 'compatible' | 'legacy', string>>;
}

const all = (text: string) => ({ strict: text, compatible: text, legacy: text });

export const ikePeers: readonly IkePeer[] = [
  {
    name: 'Windows 10/11 as delivered',
    keGroup: 2,
    ike: [
      '3des-sha1-modp1024',
      'aes256-sha1-modp1024',
      '3des-sha256-modp1024',
      'aes256-sha256-modp1024',
      '3des-sha384-modp1024',
      'aes256-sha384-modp1024',
    ],
    picks: { strict: 'nothing', compatible: 'nothing', legacy: 'aes-cbc-256/hmac-sha2-256-128/prf-sha256/modp1024' },
  },
  {
    name: 'Windows 10/11 with NegotiateDH2048_AES256',
    keGroup: 14,
    ike: ['aes256-sha1-modp2048', 'aes256-sha256-modp2048', 'aes256-sha384-modp2048'],
    picks: all('aes-cbc-256/hmac-sha2-256-128/prf-sha256/modp2048'),
  },
  {
    name: 'macOS 13.4',
    keGroup: 14,
    ike: ['aes256-sha256-modp2048'],
    picks: all('aes-cbc-256/hmac-sha2-256-128/prf-sha256/modp2048'),
  },
  {
    name: 'iOS 16.5',
    keGroup: 14,
    ike: [
      'aes256-sha256-modp2048',
      'aes256-sha256-ecp256',
      'aes256-sha256-modp1536',
      'aes128-sha1-modp1024',
      '3des-sha1-modp1024',
    ],
    picks: all('aes-cbc-256/hmac-sha2-256-128/prf-sha256/modp2048'),
  },
  {
    name: 'strongSwan 5.9',
    keGroup: 31,
    ike: [
      'aes128-aes192-aes256-sha256-sha384-sha512-sha1-prfsha256-prfsha384-prfsha512-prfsha1-ecp256-ecp384-ecp521-x25519-x448-modp3072-modp4096-modp2048',
      'aes128gcm16-aes192gcm16-aes256gcm16-chacha20poly1305-prfsha256-prfsha384-prfsha512-prfsha1-ecp256-ecp384-ecp521-x25519-x448-modp3072-modp4096-modp2048',
    ],
    picks: all('aes-gcm-16-256/prf-sha384/curve25519'),
  },
  {
    name: 'strongSwan 6 with a hybrid proposal',
    keGroup: 31,
    ike: ['aes256gcm16-prfsha384-x25519-ke1_mlkem768', 'aes256-sha256-x25519'],
    picks: all('aes-gcm-16-256/prf-sha384/curve25519/ke1-mlkem768'),
  },
  {
    name: 'the strongSwan client for Android',
    keGroup: 31,
    ike: [
      'aes256-aes128-sha512-sha384-sha256-prfsha512-prfsha384-prfsha256-x25519-ecp256-ecp384-ecp521-modp3072-modp4096',
      'chacha20poly1305-aes256gcm16-aes128gcm16-prfsha512-prfsha384-prfsha256-x25519-ecp256-ecp384-modp3072',
    ],
    picks: all('aes-gcm-16-256/prf-sha384/curve25519'),
  },
];

export const childPeers = [
  {
    name: 'Windows 10/11',
    esp: ['aes256-sha1', 'aes128-sha1', '3des-sha1'],
    picks: 'aes-cbc-256/hmac-sha1-96',
  },
  { name: 'macOS and iOS', esp: ['aes256-sha256', 'aes128-sha1', '3des-sha1'], picks: 'aes-cbc-256/hmac-sha2-256-128' },
  {
    name: 'strongSwan 5.9',
    esp: ['aes128-aes192-aes256-sha256-sha384-sha512-sha1', 'aes128gcm16-aes192gcm16-aes256gcm16'],
    picks: 'aes-gcm-16-256',
  },
  { name: 'strongSwan 6', esp: ['aes256gcm16-x25519-none-esn-noesn'], picks: 'aes-gcm-16-256' },
] as const;
