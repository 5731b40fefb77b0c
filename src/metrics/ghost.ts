/**
 * Remembers why keys left memory, so that a miss can say why: a bounded map of 32-bit key hashes, oldest out first.
 *
 * Two keys may share a hash (one in four billion a pair); a cause is a hint for people, never a decision.
 */
export class Ghost<Cause extends string> {
  readonly #causes = new Map<number, Cause>()
  readonly #max: number
  #forgot = false

  constructor(max: number) {
    this.#max = max
  }

  /** Something was forgotten: an unknown key may have been here before. */
  get forgot(): boolean {
    return this.#forgot
  }

  /** Says that keys left memory of which nothing is noted. */
  noteOthers(): void {
    this.#forgot = true
  }

  note(id: string, cause: Cause): void {
    const hash = hashOf(id)
    this.#causes.delete(hash)
    this.#causes.set(hash, cause)
    if (this.#causes.size <= this.#max) return
    for (const oldest of this.#causes.keys()) {
      this.#causes.delete(oldest)
      break
    }
    this.#forgot = true
  }

  peek(id: string): Cause | undefined {
    return this.#causes.get(hashOf(id))
  }

  /** The cause, forgotten by being told. */
  take(id: string): Cause | undefined {
    const hash = hashOf(id)
    const cause = this.#causes.get(hash)
    if (cause !== undefined) this.#causes.delete(hash)
    return cause
  }
}

/** FNV-1a over the code units; only the first and last 64 of a long text. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5 ^ text.length
  const head = Math.min(text.length, 64)
  for (let index = 0; index < head; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
  for (let index = Math.max(head, text.length - 64); index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
  }
  // Signed, so that every hash is a small integer to the engine and none a number on the heap.
  return hash | 0
}
