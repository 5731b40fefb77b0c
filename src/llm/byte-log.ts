/** Gives one reader of a {@link ByteLog} its chunks from the beginning. */
export interface LogReader {
  /** The next chunk, the reader's own; `undefined` at the end. Rejects with what ended the log before its end. */
  next(): Promise<Uint8Array | undefined>
  /** Lets go of the log. */
  leave(): void
  /** Lets go, and makes a waiting or later `next` reject with `reason`. */
  fail(reason: unknown): void
}

interface Cursor {
  /** What ended this reader, and no other. */
  failure: { readonly reason: unknown } | undefined
  /** Number of the next chunk. */
  at: number
  /** Bytes before it. */
  bytes: number
}

/**
 * What one upstream body has brought so far, for any number of readers.
 *
 * Up to `limitBytes` everything is kept, so that a late reader begins at the beginning and nobody waits for anybody.
 * Past that the log is `overflowed`: it keeps what its slowest reader has not read, and {@link ByteLog.room} makes the
 * writer wait while that is more than the limit.
 */
export class ByteLog {
  readonly #limitBytes: number
  #chunks: Uint8Array[] = []
  /** Chunks that were dropped from the front. */
  #dropped = 0
  #bytes = 0
  #state: 'open' | 'ended' | 'failed' = 'open'
  #error: unknown
  readonly #cursors = new Set<Cursor>()
  #wakeReaders: (() => void)[] = []
  #wakeWriter: (() => void) | undefined

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes
  }

  /** Bytes appended so far. */
  get bytes(): number {
    return this.#bytes
  }

  /** More came than is kept for late readers: its beginning may be gone. */
  get overflowed(): boolean {
    return this.#bytes > this.#limitBytes
  }

  /** Bytes held now. */
  get held(): number {
    return this.#chunks.reduce((sum, chunk) => sum + chunk.length, 0)
  }

  append(chunk: Uint8Array): void {
    if (this.#state !== 'open') return
    this.#chunks.push(chunk)
    this.#bytes += chunk.length
    this.#trim()
    this.#wake()
  }

  end(): void {
    if (this.#state === 'open') this.#state = 'ended'
    this.#wake()
    this.#wakeWriter?.()
  }

  /** Ends the log for every reader, with an error behind what they have not read yet. */
  fail(error: unknown): void {
    if (this.#state === 'open') {
      this.#state = 'failed'
      this.#error = error
    }
    this.#wake()
    this.#wakeWriter?.()
  }

  /** Resolves when the slowest reader is near enough for the next chunk; at once before the overflow. */
  async room(): Promise<void> {
    // Who has nothing left to read is near enough for any limit.
    const most = Math.max(1, this.#limitBytes)
    while (this.#state === 'open' && this.overflowed && this.#bytes - this.#slowest() >= most) {
      await new Promise<void>((resolve) => {
        this.#wakeWriter = resolve
      })
    }
    this.#wakeWriter = undefined
  }

  /** All bytes so far, or the first of them, in one piece. Only before the overflow. */
  whole(mostBytes = Infinity): Uint8Array {
    const whole = new Uint8Array(Math.min(this.#bytes, mostBytes))
    let at = 0
    for (const chunk of this.#chunks) {
      if (at === whole.length) break
      whole.set(chunk.subarray(0, whole.length - at), at)
      at += Math.min(chunk.length, whole.length - at)
    }
    return whole
  }

  /** A reader from the beginning. Only before the overflow. */
  read(): LogReader {
    const cursor: Cursor = { failure: undefined, at: 0, bytes: 0 }
    this.#cursors.add(cursor)
    const leave = (): void => {
      this.#cursors.delete(cursor)
      this.#advanced()
    }
    return {
      next: () => this.#next(cursor),
      leave,
      fail: (reason) => {
        cursor.failure ??= { reason }
        leave()
        this.#wake()
      },
    }
  }

  async #next(cursor: Cursor): Promise<Uint8Array | undefined> {
    for (;;) {
      if (cursor.failure !== undefined) throw cursor.failure.reason
      const chunk = this.#chunks[cursor.at - this.#dropped]
      if (chunk !== undefined) {
        cursor.at++
        cursor.bytes += chunk.length
        this.#advanced()
        // A copy: who gets a chunk may transfer or change it, and the others have yet to read it.
        return chunk.slice()
      }
      if (this.#state === 'failed') throw this.#error
      if (this.#state === 'ended') return undefined
      await new Promise<void>((resolve) => this.#wakeReaders.push(resolve))
    }
  }

  #advanced(): void {
    this.#trim()
    this.#wakeWriter?.()
  }

  #trim(): void {
    if (!this.overflowed) return
    let first = this.#dropped + this.#chunks.length
    for (const cursor of this.#cursors) first = Math.min(first, cursor.at)
    if (first > this.#dropped) {
      this.#chunks.splice(0, first - this.#dropped)
      this.#dropped = first
    }
  }

  #slowest(): number {
    let slowest = this.#bytes
    for (const cursor of this.#cursors) slowest = Math.min(slowest, cursor.bytes)
    return slowest
  }

  #wake(): void {
    const waiting = this.#wakeReaders
    this.#wakeReaders = []
    for (const wake of waiting) wake()
  }
}
