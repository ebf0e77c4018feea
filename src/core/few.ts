/** A map that mostly holds one entry, and weighs a fifth of a Map then: there are many of them for each session. */

/** In place of the one key: there is no entry, or there were several at once and the value is a Map of all. */
const NONE = Symbol('none');
const SEVERAL = Symbol('several');

export class Few<Key, Value> {
  #key: Key | typeof NONE | typeof SEVERAL = NONE;
  #value: Value | Map<Key, Value> | undefined;

  get size(): number {
    if (this.#key === SEVERAL) return (this.#value as Map<Key, Value>).size;
    return this.#key === NONE ? 0 : 1;
  }

  get(key: Key): Value | undefined {
    if (this.#key === SEVERAL) return (this.#value as Map<Key, Value>).get(key);
    return this.#key === key ? (this.#value as Value) : undefined;
  }

  has(key: Key): boolean {
    return this.#key === SEVERAL ? (this.#value as Map<Key, Value>).has(key) : this.#key === key;
  }

  set(key: Key, value: Value): void {
    if (this.#key === SEVERAL) (this.#value as Map<Key, Value>).set(key, value);
    else if (this.#key === NONE || this.#key === key) {
      this.#key = key;
      this.#value = value;
    } else {
      this.#value = new Map([
        [this.#key, this.#value as Value],
        [key, value],
      ]);
      this.#key = SEVERAL;
    }
  }

  /** @returns whether there was one */
  delete(key: Key): boolean {
    if (this.#key !== SEVERAL) {
      if (this.#key !== key) return false;
      this.clear();
      return true;
    }
    const map = this.#value as Map<Key, Value>;
    const deleted = map.delete(key);
    if (map.size === 0) this.clear();
    return deleted;
  }

  clear(): void {
    this.#key = NONE;
    this.#value = undefined;
  }

  /** The entry that is kept without a Map, as most are: for what is asked often, where a list would be made. */
  get only(): Value | undefined {
    return this.#key === SEVERAL ? undefined : (this.#value as Value | undefined);
  }

  /** As they stand now, in the order in which they came. */
  keys(): readonly Key[] {
    if (this.#key === SEVERAL) return [...(this.#value as Map<Key, Value>).keys()];
    return this.#key === NONE ? [] : [this.#key];
  }

  /** As they stand now, in the order of their keys. */
  values(): readonly Value[] {
    if (this.#key === SEVERAL) return [...(this.#value as Map<Key, Value>).values()];
    return this.#key === NONE ? [] : [this.#value as Value];
  }
}
