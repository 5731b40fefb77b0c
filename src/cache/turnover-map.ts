/**
 * A map by text for what comes and goes with every operation.
 *
 * The engine replaces the table of a busy map every few dozen changes, and links each to its successor: once one has
 * reached old memory, all that follow are kept there, with whatever they name, until a full collection. Here what is left
 * moves to another map now and then, which nothing links to.
 */
export class TurnoverMap<V> {
  #map = new Map<string, V>()
  #deleted = 0

  get size(): number {
    return this.#map.size
  }

  get(key: string): V | undefined {
    return this.#map.get(key)
  }

  has(key: string): boolean {
    return this.#map.has(key)
  }

  set(key: string, value: V): void {
    this.#map.set(key, value)
  }

  delete(key: string): boolean {
    if (!this.#map.delete(key)) return false
    if (++this.#deleted > this.#map.size + MOST_DELETED) {
      this.#map = new Map(this.#map)
      this.#deleted = 0
    }
    return true
  }

  clear(): void {
    this.#map = new Map()
    this.#deleted = 0
  }

  keys(): IterableIterator<string> {
    return this.#map.keys()
  }

  values(): IterableIterator<V> {
    return this.#map.values()
  }
}

/** So many deleted keys are not worth a move. */
const MOST_DELETED = 256
