/** What real clients do differently, as data: played by our own codecs against our gateway. */

export interface Habits {
  readonly name: string;
  /** Proposals in the client's order, as far as our codecs compute them quickly. */
  readonly ike: readonly string[];
  readonly esp: readonly string[];
  /** Seconds. */
  readonly ikeLifetime: number;
  readonly espLifetime: number;
  /** Part of a lifetime after which it renews. */
  readonly renewAt: number;
  /** Whether it asks whether we live. */
  readonly asksForLife: boolean;
  readonly l2tp: {
    readonly receiveWindow: number;
    readonly retransmitAfter: number;
    readonly retransmitCap: number;
    readonly maximumRetransmissions: number;
    /** 0: sends none. */
    readonly helloInterval: number;
  };
  readonly mru: number;
  /** 0: sends none. Milliseconds. */
  readonly echoInterval: number;
  /** The port that its Quick Mode identities name, where that is not 1701; 0 is any. */
  readonly l2tpPort?: number;
  /** Writes result codes little-endian. */
  readonly swapsResultCodes?: boolean;
  /** Its PPP is attached late, so that the first frame to it is lost. */
  readonly losesFirstFrame: boolean;
}

const XL2TPD = {
  receiveWindow: 4,
  retransmitAfter: 1000,
  retransmitCap: 8000,
  maximumRetransmissions: 5,
  helloInterval: 60_000,
} as const;

export const habits: readonly Habits[] = [
  {
    name: 'Windows: no DPD, 8 h and 1 h, no echo, no HELLO',
    ike: ['aes256-sha1-modp2048', '3des-sha1-modp2048'],
    esp: ['aes256-sha1', 'aes128-sha1', '3des-sha1'],
    ikeLifetime: 28_800,
    espLifetime: 3600,
    renewAt: 0.9,
    asksForLife: false,
    l2tp: { ...XL2TPD, receiveWindow: 8, helloInterval: 0 },
    mru: 1400,
    echoInterval: 0,
    losesFirstFrame: false,
  },
  ...[0.8, 0.9].map(
    (renewAt): Habits => ({
      name: `macOS and iOS: 1 h and 1 h, IKE renewed after ${60 * renewAt} minutes`,
      ike: ['aes256-sha256-modp2048', 'aes256-sha1-modp2048'],
      esp: ['aes256-sha256', 'aes256-sha1', 'aes128-sha1'],
      ikeLifetime: 3600,
      espLifetime: 3600,
      renewAt,
      asksForLife: true,
      l2tp: { ...XL2TPD, retransmitCap: 4000, maximumRetransmissions: 9, helloInterval: 0 },
      mru: 1500,
      echoInterval: 10_000,
      l2tpPort: 0,
      swapsResultCodes: true,
      losesFirstFrame: false,
    }),
  ),
  {
    name: 'Android: window 1, 2 s and no back-off, no HELLO, does not ask',
    ike: ['aes256-sha256-modp1024', 'aes256-sha1-modp1024'],
    esp: ['aes256-sha1', 'aes128-sha1'],
    ikeLifetime: 28_800,
    espLifetime: 28_800,
    renewAt: 0.8,
    asksForLife: false,
    l2tp: { receiveWindow: 1, retransmitAfter: 2000, retransmitCap: 2000, maximumRetransmissions: 5, helloInterval: 0 },
    mru: 1400,
    echoInterval: 0,
    losesFirstFrame: false,
  },
  {
    name: 'strongSwan, xl2tpd and pppd: the first frame is lost',
    ike: ['aes256-sha256-modp2048'],
    esp: ['aes256-sha1', 'aes128gcm16'],
    ikeLifetime: 10_800,
    espLifetime: 3600,
    renewAt: 0.9,
    asksForLife: true,
    l2tp: XL2TPD,
    mru: 1410,
    echoInterval: 30_000,
    losesFirstFrame: true,
  },
];
