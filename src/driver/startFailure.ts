/** Why a program could not start, and what to do about it. Nothing is left behind when it is thrown. */

export class StartFailure extends Error {
  /** Stable kebab-case code. */
  readonly code: string;
  /** What happened and why, one sentence. */
  readonly reason: string;
  /** What to do, one sentence. */
  readonly remedy: string;

  constructor(code: string, reason: string, remedy: string) {
    super(`${reason} ${remedy}`);
    this.name = 'StartFailure';
    this.code = code;
    this.reason = reason;
    this.remedy = remedy;
  }
}
