import { Readable } from 'node:stream'
import { onceAborted } from '../runtime/abort.js'
import type { Connections } from './connections.js'
import type { OriginMeter } from './origin-meter.js'
import type { DispatchController, DispatchHandler, DispatchOptions, ResponseHeaders } from './undici.js'

/** So much of an answer nobody reads is read to keep its connection; of a longer one the connection is given up. */
const MAX_IGNORED_BYTES = 65_536

/** One request as it is sent. */
export interface ExchangeRequest extends DispatchOptions {
  readonly signal: AbortSignal | undefined
  /** What a body may have that is read whole. */
  readonly maxBytes: number
  /** Whether the body of a success is handed on as it comes. */
  readonly streamed: boolean
  /** The error of who reads such a body, for what ended it. */
  readonly explain: (error: unknown) => Error
}

/** An answer with its body: whole, or as it comes. The body of what is no success is not kept. */
export interface Answer {
  readonly status: number
  readonly headers: ResponseHeaders
  readonly body: Buffer
  readonly stream: Readable | undefined
}

/** The request failed before a header came. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer'
}

/** An answer longer than `maxBytes`. */
export class TooLong extends Error {
  override readonly name = 'TooLong'
  readonly status: number

  constructor(status: number) {
    super('Too long')
    this.status = status
  }
}

/** Sends a request once. Rejects with the reason of its signal, at once when that aborts; with `NoAnswer` or an error of undici's. */
export function exchange(connections: Connections, request: ExchangeRequest, now: () => number): Promise<Answer> {
  return new Promise((resolve, reject) => {
    new Exchange(connections.meterOf(request.origin), request, now, resolve, reject).send(connections)
  })
}

class Exchange implements DispatchHandler {
  readonly #meter: OriginMeter
  readonly #request: ExchangeRequest
  readonly #now: () => number
  readonly #resolve: (answer: Answer) => void
  readonly #reject: (error: unknown) => void
  readonly #askedAt: number
  #begun = false
  #over = false
  #status = 0
  #headers: ResponseHeaders = {}
  #bytes = 0
  #chunks: Uint8Array[] = []
  #stream: Readable | undefined
  #controller: DispatchController | undefined
  #unlisten: (() => void) | undefined

  constructor(
    meter: OriginMeter,
    request: ExchangeRequest,
    now: () => number,
    resolve: (answer: Answer) => void,
    reject: (error: unknown) => void,
  ) {
    this.#meter = meter
    this.#request = request
    this.#now = now
    this.#resolve = resolve
    this.#reject = reject
    this.#askedAt = now()
  }

  send({ agent }: Connections): void {
    this.#meter.queued++
    this.#unlisten = onceAborted(this.#request.signal, (reason) => this.#fail(reason))
    if (this.#over) return
    const { signal: _signal, maxBytes: _max, streamed: _streamed, explain: _explain, ...dispatched } = this.#request
    try {
      agent.dispatch(dispatched, this)
    } catch (error) {
      this.#fail(error)
    }
  }

  onRequestStart(controller: DispatchController): void {
    // A request whose caller has left comes to its turn in the queue all the same.
    if (this.#over) {
      controller.abort(LEFT)
      return
    }
    this.#controller = controller
    if (this.#begun) return
    this.#begun = true
    this.#meter.begin(this.#now() - this.#askedAt)
  }

  onResponseStart(controller: DispatchController, status: number, headers: ResponseHeaders): void {
    if (status < 200) return
    this.#status = status
    this.#headers = headers
    if (!this.#request.streamed || !isSuccess(status)) return
    this.#stream = new Readable({
      read: () => controller.resume(),
      destroy: (error, done) => {
        this.#leave(error ?? LEFT)
        done(error)
      },
    })
    // Who reads it meets the error there; nobody else must.
    this.#stream.on('error', () => {})
    this.#meter.answered(this.#now() - this.#askedAt)
    this.#resolve({ status, headers, body: EMPTY, stream: this.#stream })
  }

  onResponseData(controller: DispatchController, chunk: Uint8Array): void {
    if (this.#over) return
    if (this.#stream !== undefined) {
      if (!this.#stream.push(chunk)) controller.pause()
      return
    }
    this.#bytes += chunk.byteLength
    const kept = isSuccess(this.#status)
    if (this.#bytes > (kept ? this.#request.maxBytes : MAX_IGNORED_BYTES)) {
      if (kept) this.#fail(new TooLong(this.#status))
      else this.#answer()
      controller.abort(LEFT)
    } else if (kept) this.#chunks.push(chunk)
  }

  onResponseEnd(): void {
    if (this.#over) return
    if (this.#stream === undefined) {
      this.#answer()
      return
    }
    this.#end()
    this.#stream.push(null)
  }

  onResponseError(_controller: DispatchController | null, error: Error): void {
    if (this.#over) return
    if (this.#status === 0) this.#fail(new NoAnswer('No answer', { cause: error }))
    else this.#fail(this.#stream === undefined ? error : this.#request.explain(error))
  }

  #answer(): void {
    this.#meter.answered(this.#now() - this.#askedAt)
    this.#end()
    const [first = EMPTY] = this.#chunks
    const body = this.#chunks.length < 2 ? Buffer.from(first) : Buffer.concat(this.#chunks)
    this.#resolve({ status: this.#status, headers: this.#headers, body, stream: undefined })
  }

  #fail(error: unknown): void {
    if (this.#over) return
    this.#leave(error)
    this.#reject(error)
    this.#stream?.destroy(error instanceof Error ? error : new Error('Aborted', { cause: error }))
  }

  #leave(error: unknown): void {
    if (this.#over) return
    this.#end()
    this.#controller?.abort(error instanceof Error ? error : LEFT)
  }

  #end(): void {
    this.#over = true
    this.#unlisten?.()
    if (this.#begun) this.#meter.inFlight--
    else this.#meter.queued--
  }
}

/** Whether a status promises what was asked for. */
export function isSuccess(status: number): boolean {
  return status >= 200 && status < 300
}

const EMPTY = Buffer.alloc(0)
const LEFT = new Error('Nobody waits for the answer any more')
