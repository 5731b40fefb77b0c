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
  /** Number of the page it reads, or one behind which it is known to be. */
  page: number
  /** Bytes it has read. */
  bytes: number
}

/** A stretch of the body: one large chunk as it came, or small ones one behind the other. */
interface Page {
  /** Bytes before it. */
  readonly start: number
  readonly room: Uint8Array
  used: number
}

/** So many bytes of small chunks share one array: a body in single bytes must not cost a hundred times its length. */
const PAGE_BYTES = 4096

/**
 * What one upstream body has brought so far, for any number of readers.
 *
 * Up to `limitBytes` everything is kept, so that a late reader begins at the beginning and nobody waits for anybody.
 * Past that the log is `overflowed`: it keeps what its slowest reader has not read, and {@link ByteLog.room} makes the
 * writer wait while that is more than the limit.
 */
export class ByteLog {
  readonly #limitBytes: number
  #pages: Page[] = []
  /** Pages that were dropped from the front. */
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

  /** Bytes that are held because somebody has not read them, or may come late; at most a page more are. */
  get held(): number {
    return this.overflowed ? this.#bytes - this.#slowest() : this.#bytes
  }

  append(chunk: Uint8Array): void {
    if (this.#state !== 'open') return
    this.#keep(chunk)
    this.#bytes += chunk.length
    this.#trim()
    this.#wake()
  }

  #keep(chunk: Uint8Array): void {
    const last = this.#pages.at(-1)
    if (last !== undefined && last.used + chunk.length <= last.room.length) {
      last.room.set(chunk, last.used)
      last.used += chunk.length
      return
    }
    const isLarge = chunk.length > PAGE_BYTES / 2
    // Not the chunk itself: slices of a `Buffer` are views of it.
    const room = isLarge ? new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length) : new Uint8Array(PAGE_BYTES)
    if (!isLarge) room.set(chunk)
    this.#pages.push({ start: this.#bytes, room, used: chunk.length })
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
    for (const { room, used } of this.#pages) {
      const part = room.subarray(0, Math.min(used, whole.length - at))
      whole.set(part, at)
      at += part.length
    }
    return whole
  }

  /** A reader from the beginning. Only before the overflow. */
  read(): LogReader {
    const cursor: Cursor = { failure: undefined, page: 0, bytes: 0 }
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
      const page = this.#pageOf(cursor)
      if (page !== undefined) {
        // A copy: who gets a chunk may transfer or change it, and the others have yet to read it.
        const chunk = page.room.slice(cursor.bytes - page.start, page.used)
        cursor.bytes += chunk.length
        this.#advanced()
        return chunk
      }
      if (this.#state === 'failed') throw this.#error
      if (this.#state === 'ended') return undefined
      await new Promise<void>((resolve) => this.#wakeReaders.push(resolve))
    }
  }

  /** The page a reader goes on in; `undefined` where it has read everything. */
  #pageOf(cursor: Cursor): Page | undefined {
    cursor.page = Math.max(cursor.page, this.#dropped)
    for (;;) {
      const page = this.#pages[cursor.page - this.#dropped]
      if (page === undefined || cursor.bytes < page.start + page.used) return page
      if (page === this.#pages.at(-1)) return undefined
      cursor.page++
    }
  }

  #advanced(): void {
    this.#trim()
    this.#wakeWriter?.()
  }

  #trim(): void {
    if (!this.overflowed) return
    const slowest = this.#slowest()
    const isRead = ({ start, used }: Page): boolean => start + used <= slowest
    let read = 0
    for (let page = this.#pages[0]; page !== undefined && isRead(page); page = this.#pages[read]) read++
    this.#pages.splice(0, read)
    this.#dropped += read
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
