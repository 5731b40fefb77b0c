/**
 * Remembers why keys left memory, so that a miss can say why: a bounded map of 32-bit key hashes. What was noted first is
 * forgotten first, half of the bound at a time: to look for the oldest one at each note would cost more than the note.
 *
 * Two keys may share a hash (one in four billion a pair); a cause is a hint for people, never a decision.
 */
export class Ghost<Cause extends string> {
  #recent = new Map<number, Cause>()
  #older = new Map<number, Cause>()
  readonly #half: number
  #forgot = false

  constructor(max: number) {
    this.#half = Math.ceil(max / 2)
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
    this.#recent.set(hashOf(id), cause)
    if (this.#recent.size < this.#half) return
    for (const hash of this.#recent.keys()) this.#older.delete(hash)
    this.#forgot ||= this.#older.size > 0
    this.#older = this.#recent
    this.#recent = new Map()
  }

  peek(id: string): Cause | undefined {
    const hash = hashOf(id)
    return this.#recent.get(hash) ?? this.#older.get(hash)
  }

  /** The cause, forgotten by being told. */
  take(id: string): Cause | undefined {
    const hash = hashOf(id)
    const cause = this.#recent.get(hash) ?? this.#older.get(hash)
    if (cause === undefined) return undefined
    this.#recent.delete(hash)
    this.#older.delete(hash)
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
