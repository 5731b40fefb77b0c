import type { RecordContext } from '../cache/records.js'
import type { Clock } from '../runtime/clock.js'
import { BodyEnds, END_BYTES } from './body-ends.js'
import { ByteLog } from './byte-log.js'
import { failureWord } from './failure-word.js'
import { type Recording, recordingOf, textOrBytes } from './recording.js'
import { type LlmRequest, rejected, type Unstorable, type Verdict, type WireFormat } from './wire-format.js'
import { isEventStream, judgeAnswer } from './wire-formats.js'

/** What a flight needs to know of the call that leads it. */
export interface LeadCall {
  readonly format: WireFormat
  readonly request: LlmRequest
  /** Digest of what it authenticates with. */
  credentials(): string
  /** Makes the upstream call. */
  send(signal: AbortSignal): Promise<Response>
}

/** What all flights of one `cachedFetch` share. */
export interface FlightSite {
  readonly clock: Clock
  /** Whether an answer of this kind is kept, though it is not good. */
  keeps(unstorable: Unstorable): boolean
}

/** An upstream call that brought no answer worth having; a kept one may stand in. */
export class FailedCall extends Error {
  override readonly name = 'FailedCall'
  /** The failure as the provider told it; `undefined` where nothing whole came. */
  readonly recording: Recording | undefined

  constructor(reason: Unstorable, recording: Recording | undefined, cause?: unknown) {
    super(`The upstream call brought no answer (${reason}).`, { cause })
    this.recording = recording
  }
}

/** What is only told of an answer whose last event has come. */
const ENDED: ReadonlySet<Unstorable | undefined> = new Set([
  undefined,
  'truncated',
  'filtered',
  'refused',
  'unfinished',
  'unknown-finish',
  'error',
])

/** An error body larger than this is cut, and than what is shared of an answer: it is for people. */
const MAX_ERROR_BYTES = 1024 * 1024

/**
 * One upstream call and everyone who reads it.
 *
 * It opens when a good status has come; from then on any number of readers follow its log. A bad status never opens it:
 * the whole failure is read first, so that a kept answer may stand in for it.
 */
export class Flight {
  /** Bytes of its body that are kept for late readers. */
  readonly maxSharedBytes: number
  readonly log: ByteLog
  /** Who made, or is about to make, the upstream call. */
  leader: object | undefined
  /** It serves nobody beside those who wait for it already: it failed, or outgrew what is kept for late readers. */
  spent = false
  /** It runs behind a kept answer that is good enough for everyone. */
  behind = false
  /** Callers that wait for it to open. */
  readers = 0
  /** Callers that read it. */
  followers = 0
  /** What those do who have stopped to read it, when the last one has. */
  readonly deserters: (() => void)[] = []
  /** When it was begun, and at which logical time of the namespace. */
  startedAt = 0
  startSeq = 0
  /** The upstream response, once it is open. */
  response: Response | undefined
  /** What it came to, once it is over. */
  verdict: Verdict | undefined
  #judge: (() => Verdict) | undefined
  /** Of a body that is about to outgrow what is kept. */
  #ends: BodyEnds | undefined
  #hangUp: (() => void) | undefined
  #brokeOff: { readonly error: unknown } | undefined
  #onOpen: (() => void)[] = []
  #onEnd: ((verdict: Verdict) => void)[] = []

  constructor(maxSharedBytes: number) {
    this.maxSharedBytes = maxSharedBytes
    this.log = new ByteLog(maxSharedBytes)
  }

  /** Calls `listener` when the flight is open; at once if it is. */
  onOpen(listener: () => void): void {
    if (this.response !== undefined) listener()
    else this.#onOpen.push(listener)
  }

  /** Calls `listener` when the upstream call is over. */
  onEnd(listener: (verdict: Verdict) => void): void {
    this.#onEnd.push(listener)
  }

  /**
   * Ends the upstream call if what has come proves to be the whole answer, good or not: some SDKs hang up at its last
   * event, before the body ends. Says whether there is nothing left to wait for.
   */
  endIfWhole(): boolean {
    if (this.verdict !== undefined) return true
    if (this.#hangUp === undefined || !ENDED.has(this.#judge?.().unstorable)) return false
    this.#hangUp()
    return true
  }

  /** Makes the upstream call and reads it to its end, which `tellEnd` tells. Rejects with `FailedCall`, or with what `fetch` rejected with. */
  async lead(call: LeadCall, context: RecordContext, site: FlightSite): Promise<Recording> {
    try {
      const response = await call.send(context.signal)
      if (!isAnswer(response)) return await this.#failure(response, call, site)
      return await this.#record(response, call, context.signal, site)
    } catch (error) {
      this.spent = true
      if (this.verdict === undefined) {
        // What has come may tell of tokens: they are billed, and whatever came after them.
        const told = { ...(this.#judge?.() ?? rejected('cut')), httpStatus: this.response?.status }
        this.#conclude(
          context.signal.aborted
            ? { ...told, unstorable: 'aborted' }
            : { ...told, unstorable: 'network', failure: failureWord(error) },
        )
        this.#brokeOff = { error }
      }
      throw error
    }
  }

  /** Tells the readers that there is no more, or why: the leader's, when nobody waits for the call any more. */
  tellEnd(): void {
    if (this.#brokeOff === undefined) this.log.end()
    else this.log.fail(this.#brokeOff.error)
  }

  async #failure(response: Response, { format, credentials }: LeadCall, site: FlightSite): Promise<Recording> {
    this.spent = true
    const body = textOrBytes(await upTo(response, Math.max(this.maxSharedBytes, MAX_ERROR_BYTES)))
    const { status, headers } = response
    const verdict = { ...rejected('status'), httpStatus: status }
    const recording = recordingOf({ status, headers, body }, verdict, {
      format: format.name,
      at: site.clock.wall(),
      by: credentials(),
    })
    // The caller's own failure comes with all its headers: SDKs wait as long as they say.
    const whole = { ...recording, headers: [...headers].filter(([name]) => !OF_TRANSFER.has(name)) }
    this.#conclude(verdict)
    if (isOutage(status)) throw new FailedCall('status', whole)
    return whole
  }

  async #record(response: Response, call: LeadCall, signal: AbortSignal, site: FlightSite): Promise<Recording> {
    const type = response.headers.get('content-type') ?? ''
    const pace = isEventStream(type) ? ([] as number[]) : undefined
    this.#judge = () => {
      if (response.status !== 200) return rejected('status')
      return this.log.overflowed && this.#ends !== undefined
        ? this.#ends.judge(call.format, call.request, type)
        : judgeAnswer(call.format, call.request, type, new TextDecoder().decode(this.log.whole()))
    }
    this.#open(response)
    await this.#pump(response, signal, pace, site)
    if (this.log.overflowed) {
      // Too large to be kept, and paid for all the same.
      this.#conclude({ ...this.#judge(), unstorable: 'too-large', httpStatus: response.status })
      throw new FailedCall('too-large', undefined)
    }
    const body = textOrBytes(this.log.whole())
    const judged = { ...this.#judge(), httpStatus: response.status }
    const isKept = judged.unstorable === undefined || site.keeps(judged.unstorable)
    const verdict = isKept ? { ...judged, unstorable: undefined } : judged
    this.#conclude(verdict)
    if (!isKept) this.spent = true
    const { status, headers } = response
    return recordingOf({ status, headers, body }, verdict, { format: call.format.name, at: site.clock.wall(), pace })
  }

  async #pump(response: Response, signal: AbortSignal, pace: number[] | undefined, site: FlightSite): Promise<void> {
    const reader = response.body?.getReader()
    if (reader === undefined) return
    this.#hangUp = () => void reader.cancel().catch(() => {})
    // A writer that waits for a slow reader hears of the end, too.
    const stop = (): void => this.log.fail(signal.reason)
    signal.addEventListener('abort', stop, { once: true })
    let lastAt = site.clock.now()
    try {
      for (;;) {
        const { done, value } = await reader.read()
        if (done) return
        // Bytes of any realm; a `Response` takes a stream of anything else, too.
        const isBytes: boolean = ArrayBuffer.isView(value)
        if (!isBytes) throw new TypeError('The upstream body is made of something else than bytes')
        const now = site.clock.now()
        if (pace !== undefined && !this.log.overflowed) addPace(pace, value.length, now - lastAt)
        lastAt = now
        if (this.log.bytes + value.length + END_BYTES > this.maxSharedBytes) {
          this.#ends ??= new BodyEnds(this.log.whole(END_BYTES))
          this.#ends.add(value)
        }
        this.log.append(value)
        if (!this.log.overflowed) continue
        this.spent = true
        await this.log.room()
        if (signal.aborted) throw signal.reason
      }
    } finally {
      signal.removeEventListener('abort', stop)
    }
  }

  #open(response: Response): void {
    this.response = response
    for (const listener of this.#onOpen.splice(0)) listener()
  }

  #conclude(verdict: Verdict): void {
    this.verdict = verdict
    for (const listener of this.#onEnd.splice(0)) listener(verdict)
  }
}

const OF_TRANSFER = new Set(['connection', 'keep-alive', 'transfer-encoding', 'content-length', 'content-encoding'])

/** Whether a response is read as it comes, though it may be nothing to keep. */
function isAnswer({ ok, status, body }: Response): boolean {
  return status === 200 || (ok && body !== null)
}

/** Whether a status says that the model is down or busy, so that yesterday's answer is better than none. */
function isOutage(status: number): boolean {
  return status >= 500 || status === 429 || status === 408
}

// Chunks of one millisecond are one: a body in single bytes must not make a list longer than itself.
function addPace(pace: number[], bytes: number, ms: number): void {
  const wait = Math.round(ms)
  if (wait === 0 && pace.length > 0) pace[pace.length - 2] = (pace[pace.length - 2] ?? 0) + bytes
  else pace.push(bytes, wait)
}

async function upTo(response: Response, maxBytes: number): Promise<Uint8Array> {
  const log = new ByteLog(Infinity)
  const reader = response.body?.getReader()
  while (reader !== undefined) {
    const { done, value } = await reader.read()
    if (done) break
    log.append(value.subarray(0, maxBytes - log.bytes))
    if (log.bytes < maxBytes) continue
    await reader.cancel()
    break
  }
  return log.whole()
}
