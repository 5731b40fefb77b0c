import { summaryOf } from './answer-summary.js'
import { readEvents } from './sse.js'
import { type LlmRequest, sentIn, type Verdict, type WireFormat } from './wire-format.js'
import { isEventStream } from './wire-formats.js'

/** So much of the beginning and of the end of a body tells who answered and what it cost. */
export const END_BYTES = 64 * 1024

/** Beginning and end of a body of which nobody keeps the rest. */
export class BodyEnds {
  readonly #beginning = new Uint8Array(END_BYTES)
  #begun = 0
  /** Room for two ends, so that a body in single bytes is not moved at each of them. */
  readonly #room = new Uint8Array(2 * END_BYTES)
  #at = 0

  /** @param beginning What has come so far, or the first of it. */
  constructor(beginning: Uint8Array) {
    this.#begin(beginning)
  }

  #begin(bytes: Uint8Array): void {
    const first = bytes.subarray(0, END_BYTES - this.#begun)
    this.#beginning.set(first, this.#begun)
    this.#begun += first.length
  }

  add(chunk: Uint8Array): void {
    this.#begin(chunk)
    const last = chunk.subarray(Math.max(0, chunk.length - END_BYTES))
    if (this.#at + last.length > this.#room.length) {
      this.#room.copyWithin(0, this.#at - END_BYTES, this.#at)
      this.#at = END_BYTES
    }
    this.#room.set(last, this.#at)
    this.#at += last.length
  }

  /**
   * What can be told of the answer by its ends. `unstorable` says whether its last event has come, and no more: between the
   * ends there may be anything.
   */
  judge(format: WireFormat, request: LlmRequest, contentType: string): Verdict {
    const decoder = new TextDecoder()
    const beginning = decoder.decode(this.#beginning.subarray(0, this.#begun))
    const end = decoder.decode(this.#room.subarray(Math.max(0, this.#at - END_BYTES), this.#at))
    const told = format.judgeJson(summaryOf(beginning, end), request)
    if (!isEventStream(contentType)) return { ...told, unstorable: 'cut' }
    const events = [...readEvents(beginning), ...readEvents(fromNextEvent(end))]
    const judged = format.judgeEvents(sentIn(events), request)
    // The last event of some formats repeats the whole answer, and is longer than what is kept of the end.
    return { ...judged, model: judged.model ?? told.model, usage: judged.usage ?? told.usage }
  }
}

// What was cut at its front is no event.
function fromNextEvent(text: string): string {
  const boundary = /\r\n\r\n|\n\n|\r\r/.exec(text)
  return boundary === null ? '' : text.slice(boundary.index + boundary[0].length)
}
