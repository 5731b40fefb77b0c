/**
 * A map by text for what comes and goes with every operation.
 *
 * The engine replaces the table of a busy map every few dozen changes, and links each to its successor: once one has
 * reached old memory, all that follow are kept there, with whatever they name, until a full collection. Here a deleted key
 * only loses its value, and what is left moves to a map of its own now and then, which nothing links to.
 */
export class TurnoverMap<V> {
  #map = new Map<string, V | undefined>()
  #size = 0

  get size(): number {
    return this.#size
  }

  get(key: string): V | undefined {
    return this.#map.get(key)
  }

  has(key: string): boolean {
    return this.#map.get(key) !== undefined
  }

  set(key: string, value: V): void {
    if (this.#map.get(key) === undefined) this.#size++
    this.#map.set(key, value)
  }

  delete(key: string): boolean {
    if (this.#map.get(key) === undefined) return false
    this.#map.set(key, undefined)
    this.#size--
    if (this.#map.size > 2 * this.#size + MOST_DELETED) this.#move()
    return true
  }

  clear(): void {
    this.#map = new Map()
    this.#size = 0
  }

  *keys(): Generator<string> {
    for (const [key, value] of this.#map) if (value !== undefined) yield key
  }

  *values(): Generator<V> {
    for (const value of this.#map.values()) if (value !== undefined) yield value
  }

  #move(): void {
    const left = new Map<string, V | undefined>()
    for (const [key, value] of this.#map) if (value !== undefined) left.set(key, value)
    this.#map = left
  }
}

/** Deleted keys that are not worth a move. */
const MOST_DELETED = 64
