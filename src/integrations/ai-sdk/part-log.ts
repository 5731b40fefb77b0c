import { copied, type Part } from './answer-record.js'

/** Parts of a stream as they come, for any number of readers, each from the first one on. */
export interface PartLog {
  /** Resolves with all parts at the end; rejects with what ended the stream. */
  readonly whole: Promise<readonly Part[]>
  /** Takes no more readers: it has gone wrong, is given up, or brought what nobody else can be given a copy of. */
  readonly spent: boolean
  /**
   * A stream of its own for one reader, which hears of the end behind `settled`. `left` is called if he
   * wants no more before that, when nobody else does either.
   */
  reader(each: (part: Part) => Part, left: (reason: unknown) => void, settled: Promise<unknown>): ReadableStream<Part>
}

/** Reads a stream to its end, and keeps its parts for readers. The source is read at its own pace: SDKs keep its text, too. */
export function createPartLog(source: ReadableStream<Part>): PartLog {
  const parts: Part[] = []
  let end: { readonly error?: unknown } | undefined
  let spent = false
  let readers = 0
  const deserters: (() => void)[] = []
  let wake: (() => void) | undefined
  let news = new Promise<void>((resolve) => {
    wake = resolve
  })
  const tell = (): void => {
    wake?.()
    news = new Promise((resolve) => {
      wake = resolve
    })
  }
  const pump = async (): Promise<readonly Part[]> => {
    try {
      const reader = source.getReader()
      for (;;) {
        const { done, value } = await reader.read()
        if (done) break
        // Its reader may change what he gets, and its model what it gave.
        const part = copied(value)
        parts.push(part)
        // What cannot be copied goes to those who are here.
        if (part === value || part.type === 'error') spent = true
        tell()
      }
      end = {}
      return parts
    } catch (error) {
      spent = true
      end = { error }
      throw error
    } finally {
      tell()
    }
  }
  const whole = pump()
  whole.catch(() => undefined)

  return {
    whole,
    get spent() {
      return spent
    },
    reader(each, left, settled) {
      let at = 0
      let isOver = false
      readers++
      const over = (reason?: unknown): void => {
        if (isOver) return
        isOver = true
        readers--
        if (end !== undefined) return
        // Not before: who reads it may be nobody the namespace knows to wait for it, having found an answer that is kept.
        deserters.push(() => left(reason))
        if (readers > 0) return
        // With its last reader its call goes, some turns later: nobody else is to hear of that.
        spent = true
        for (const leave of deserters.splice(0)) leave()
      }
      return new ReadableStream<Part>(
        {
          async pull(controller) {
            while (at === parts.length && end === undefined) await news
            if (isOver) return
            const part = parts[at]
            if (part !== undefined) {
              at++
              controller.enqueue(each(copied(part)))
              return
            }
            await settled.catch(() => undefined)
            over()
            if (end !== undefined && 'error' in end) controller.error(end.error)
            else controller.close()
          },
          cancel: (reason) => over(reason ?? new DOMException('The reader cancelled the stream', 'AbortError')),
        },
        { highWaterMark: 0 },
      )
    },
  }
}
