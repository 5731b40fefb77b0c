import type { Load } from './load-record.js'
import { TurnoverMap } from './turnover-map.js'

/**
 * The loads under way in a namespace, by key id.
 *
 * The map holds places in a list, and no loads: the engine links each table that a busy map has outgrown to the next one, and one
 * of them in old memory keeps all that follow, with whatever was in them, values and all.
 */
export class Loads {
  /**
   * The load that callers join who ask for nothing special. Its key has nothing in memory, so the ten thousandth of them
   * needs no look-up at all.
   */
  crowd: Load | undefined = undefined
  /** All that have not ended, those that others have outranked too. */
  readonly running = new RunningLoads()
  readonly #places = new TurnoverMap<number>()

  get size(): number {
    return this.#places.size
  }

  get(id: string): Load | undefined {
    const place = this.#places.get(id)
    return place === undefined ? undefined : this.running.at(place)
  }

  has(id: string): boolean {
    return this.#places.has(id)
  }

  /** The load must be running, and be deleted here before it ends. */
  set(id: string, load: Load): void {
    this.#disperse(id)
    this.#places.set(id, load.place)
  }

  delete(id: string): boolean {
    this.#disperse(id)
    return this.#places.delete(id)
  }

  clear(): void {
    this.crowd = undefined
    this.#places.clear()
  }

  *values(): Generator<Load> {
    for (const place of this.#places.values()) yield this.running.at(place) as Load
  }

  // Memory has the key now, or its load is another one.
  #disperse(id: string): void {
    if (this.crowd?.id === id) this.crowd = undefined
  }
}

/** A crowd of loads leaves no larger list of places behind. */
const MOST_FREE = 1024

/** Loads that have not ended, each in a place of its own. */
export class RunningLoads implements Iterable<Load> {
  readonly #loads: (Load | undefined)[] = []
  readonly #free: number[] = []

  get size(): number {
    return this.#loads.length - this.#free.length
  }

  at(place: number): Load | undefined {
    return this.#loads[place]
  }

  add(load: Load): void {
    load.place = this.#free.pop() ?? this.#loads.length
    this.#loads[load.place] = load
  }

  delete(load: Load): void {
    if (this.#loads[load.place] !== load) return
    this.#loads[load.place] = undefined
    this.#free.push(load.place)
    if (this.#free.length > MOST_FREE && this.size === 0) this.#loads.length = this.#free.length = 0
  }

  *[Symbol.iterator](): Generator<Load> {
    for (const load of this.#loads) if (load !== undefined) yield load
  }
}
