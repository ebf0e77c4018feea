/** A map that mostly holds one entry, and weighs a fourth of a Map then: there are many of them for each session. */

export class Few<Key, Value> {
  #key: Key | undefined;
  #value: Value | undefined;
  #isEmpty = true;
  /** All entries, where there were several at once. */
  #map: Map<Key, Value> | undefined;

  get size(): number {
    return this.#map?.size ?? (this.#isEmpty ? 0 : 1);
  }

  get(key: Key): Value | undefined {
    if (this.#map !== undefined) return this.#map.get(key);
    return this.has(key) ? this.#value : undefined;
  }

  has(key: Key): boolean {
    if (this.#map !== undefined) return this.#map.has(key);
    return !this.#isEmpty && this.#key === key;
  }

  set(key: Key, value: Value): void {
    if (this.#map === undefined && (this.#isEmpty || this.#key === key)) {
      this.#key = key;
      this.#value = value;
      this.#isEmpty = false;
      return;
    }
    this.#map ??= new Map([[this.#key as Key, this.#value as Value]]);
    this.#map.set(key, value);
    this.#forget();
  }

  /** @returns whether there was one */
  delete(key: Key): boolean {
    if (this.#map !== undefined) {
      const deleted = this.#map.delete(key);
      if (this.#map.size === 0) this.#map = undefined;
      return deleted;
    }
    const deleted = this.has(key);
    if (deleted) this.#forget();
    return deleted;
  }

  clear(): void {
    this.#map = undefined;
    this.#forget();
  }

  /** The entry that is kept without a map, as most are: for what is asked often, where a list would be made. */
  get only(): Value | undefined {
    return this.#value;
  }

  /** As they stand now, in the order in which they came. */
  keys(): readonly Key[] {
    if (this.#map !== undefined) return [...this.#map.keys()];
    return this.#isEmpty ? [] : [this.#key as Key];
  }

  /** As they stand now, in the order of their keys. */
  values(): readonly Value[] {
    if (this.#map !== undefined) return [...this.#map.values()];
    return this.#isEmpty ? [] : [this.#value as Value];
  }

  #forget(): void {
    this.#key = undefined;
    this.#value = undefined;
    this.#isEmpty = true;
  }
}
