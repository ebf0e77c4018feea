/** Why a packet was neither sealed nor opened: negative numbers, so that the packet path makes no object. */

export const EspError = {
  /** The ICV does not verify. */
  badIcv: -1,
  /** Already received, or older than the anti-replay window. */
  replayed: -2,
  /** The padding is not 1, 2, 3, … */
  badPadding: -3,
  /** Shorter than the smallest packet of the suite, or not a whole number of blocks. */
  truncated: -4,
  /** The SPI is not this SA's. */
  unknown: -5,
  /** All sequence numbers were used. */
  exhausted: -6,
  /** The caller's buffer is too small for the result. */
  noRoom: -7,
} as const;
export type EspError = (typeof EspError)[keyof typeof EspError];

const texts: Readonly<Record<EspError, readonly [name: string, reason: string]>> = {
  [EspError.badIcv]: ['bad-icv', 'the integrity check value does not match: wrong keys, or altered on the way'],
  [EspError.replayed]: ['replayed', 'the sequence number was seen before or is older than the anti-replay window'],
  [EspError.badPadding]: ['bad-padding', 'the padding of an authentic packet is not the one of RFC 4303'],
  [EspError.truncated]: ['truncated', 'the packet is shorter than its suite allows or not a whole number of blocks'],
  [EspError.unknown]: ['unknown', 'the packet carries the SPI of another security association'],
  [EspError.exhausted]: ['exhausted', 'the security association has used all its sequence numbers'],
  [EspError.noRoom]: ['no-room', 'the buffer for the result is too small'],
};

/** The stable kebab-case code, e.g. `bad-icv`; for counters and `dropped` events. */
export function espErrorName(error: number): string {
  return texts[error as EspError]?.[0] ?? 'unknown';
}

/** One sentence for people. */
export function espErrorReason(error: number): string {
  return texts[error as EspError]?.[1] ?? 'the packet was refused';
}
