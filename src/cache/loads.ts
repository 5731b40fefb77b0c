import type { Load } from './load-record.js'

/** The loads under way in a namespace, by key id. */
export class Loads extends Map<string, Load> {
  /**
   * The load that callers join who ask for nothing special. Its key has nothing in memory, so the ten thousandth of them
   * needs no look-up at all.
   */
  crowd: Load | undefined = undefined
  /** All that have not ended, those that others have outranked too. */
  readonly running = new Set<Load>()

  override set(id: string, load: Load): this {
    this.#disperse(id)
    return super.set(id, load)
  }

  override delete(id: string): boolean {
    this.#disperse(id)
    return super.delete(id)
  }

  override clear(): void {
    this.crowd = undefined
    super.clear()
  }

  // Memory has the key now, or its load is another one.
  #disperse(id: string): void {
    if (this.crowd?.id === id) this.crowd = undefined
  }
}
