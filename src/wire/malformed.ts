/** Thrown by every decoder for bytes that break the format; caught in one place per layer, never lets a core throw. */
export class Malformed extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'Malformed';
  }
}

/** Bytes ended before the structure did. The only `Malformed` that a truncation of valid input may give. */
export class Truncated extends Malformed {
  constructor(what: string, needed: number, left: number) {
    super(`${what}: needs ${needed} bytes, ${left} left`);
    this.name = 'Truncated';
  }
}
