import type { OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { cacheStatus } from '../cache/cache-status.js'
import { nextTurn } from '../runtime/next-turn.js'
import { headerMembers, isOfEvents, ownPairs, setHeaderOf } from './captured-headers.js'
import { FLAGS, MEMBERS, OF_THE_CLIENT } from './captured-members.js'
import { hideLeaving, isCutHere } from './hidden-client.js'
import { argumentsOf, checkStatus, headerPairs, joined } from './response-arguments.js'
import type { Answer } from './route-answer.js'
import type { Produced } from './route-cache.js'
import { sendAnswer } from './send-answer.js'

/** A `node:http` response whose handler writes into memory, while the client may be sent something else. */
export interface CapturedResponse {
  /**
   * What the handler came to; `streamed` once its body was too long, or is one of events, and went to the client as it
   * came. Rejects if the handler gave its response up.
   */
  readonly produced: Promise<Produced>
  /** Sends an answer to the client, whatever the handler does. */
  send(answer: Answer, before?: Readonly<Record<string, unknown>>): void
  /** Lets the handler write to the client again, as if nothing had been. */
  release(): void
}

/** How a response is captured. */
export interface CaptureOptions {
  readonly maxBodyBytes: number
  /** Header fields from before the route: of this very request, such as its id, so nobody else's. */
  readonly before: Readonly<Record<string, unknown>>
  /** Whether the client has had its answer. */
  readonly isAnswered: boolean
}

/**
 * Takes the place of a response's methods, so that frameworks that know only this object write into memory.
 *
 * Nothing of the prototype is touched: the members are the object's own, and go away with {@link CapturedResponse.release}.
 */
export function captureResponse(response: ServerResponse, options: CaptureOptions): CapturedResponse {
  const capture = new Capture(response, options)
  capture.take()
  return capture
}

class Capture implements CapturedResponse {
  readonly produced: Promise<Produced>
  readonly #response: ServerResponse
  readonly #maxBodyBytes: number
  readonly #headers = new Map<string, number | string | string[]>()
  readonly #before = new Map<string, string>()
  /** Who listened to the client before the route. */
  readonly #heard: ReadonlySet<unknown>
  readonly #own = new Map<string, PropertyDescriptor>()
  #chunks: Uint8Array[] = []
  #length = 0
  #state: 'writing' | 'ended' | 'streaming' | 'given-up' = 'writing'
  #isHeadWritten = false
  #isAnswered: boolean
  #isTaken = false
  #showLeaving: (() => void) | undefined
  #resolve: (produced: Produced) => void = () => {}
  #reject: (error: unknown) => void = () => {}

  constructor(response: ServerResponse, { maxBodyBytes, before, isAnswered }: CaptureOptions) {
    this.#response = response
    this.#maxBodyBytes = maxBodyBytes
    this.#isAnswered = isAnswered
    this.#heard = new Set([...response.rawListeners('finish'), ...response.rawListeners('close')])
    for (const [name, value] of Object.entries(before)) {
      if (value === undefined) continue
      this.#headers.set(name, value as string)
      this.#before.set(name, String(value))
    }
    this.produced = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  take(): void {
    const response = this.#response
    this.#isTaken = true
    this.#own.clear()
    for (const name of MEMBERS) {
      const own = Object.getOwnPropertyDescriptor(response, name)
      if (own !== undefined) this.#own.set(name, own)
    }
    const members: Record<(typeof MEMBERS)[number], unknown> = {
      ...headerMembers(response, this.#headers),
      writeHead: (status: number, ...rest: unknown[]) => this.#writeHead(status, rest),
      flushHeaders: () => this.#passEvents(),
      write: (...given: unknown[]) => this.#write(given),
      end: (...given: unknown[]) => this.#end(given),
      addTrailers: (trailers: OutgoingHttpHeaders) => this.#passTrailers(trailers),
      destroy: (error?: Error) => this.#giveUp(error),
      headersSent: () => this.#isHeadWritten,
      writableEnded: () => this.#state === 'ended',
      writableFinished: () => this.#state === 'ended',
      finished: () => this.#state === 'ended',
      destroyed: () => false,
      _closed: () => false,
      emit: (event: string, ...given: unknown[]) => this.#emit(event, given),
    }
    for (const name of MEMBERS) {
      const isFlag = (FLAGS as readonly string[]).includes(name)
      Object.defineProperty(response, name, {
        configurable: true,
        enumerable: false,
        ...(isFlag
          ? { get: members[name] as () => boolean, set: (value) => this.#setFlag(name, value) }
          : { value: members[name], writable: true }),
      })
    }
    this.#showLeaving ??= hideLeaving(response.req)
  }

  release(): void {
    this.#giveBack()
    // What was hidden of a client that has left is told now to whoever still waits for its end.
    if (this.#state === 'ended' && this.#response.destroyed) this.#tellOwn(['finish', 'close'])
  }

  send(answer: Answer, before?: Readonly<Record<string, unknown>>): void {
    const response = this.#response
    const isWriting = this.#state === 'writing' && !this.#isAnswered
    this.#isAnswered = true
    // The handler's, if it has set it already.
    const { statusCode } = response
    this.release()
    try {
      sendAnswer(response, answer, before)
    } finally {
      // A handler that still runs, behind a stale answer, goes on writing into memory.
      if (isWriting) {
        this.take()
        response.statusCode = statusCode
      }
    }
  }

  #giveBack(): void {
    if (!this.#isTaken) return
    this.#isTaken = false
    this.#showLeaving?.()
    this.#showLeaving = undefined
    for (const name of MEMBERS) {
      const own = this.#own.get(name)
      if (own === undefined) delete (this.#response as unknown as Record<string, unknown>)[name]
      else Object.defineProperty(this.#response, name, own)
    }
  }

  // Node tells by them that the client has left, which is true once the response is given back.
  #setFlag(name: string, value: unknown): void {
    const own = this.#own.get(name)
    if (own !== undefined) own.value = value
  }

  #writeHead(status: number, rest: unknown[]): ServerResponse {
    checkStatus(status)
    const given = (typeof rest[0] === 'string' ? rest[1] : rest[0]) as OutgoingHttpHeaders | unknown[] | undefined
    for (const [name, value] of headerPairs(given)) setHeaderOf(this.#headers, name, value)
    this.#response.statusCode = status
    this.#isHeadWritten = true
    this.#passEvents()
    return this.#response
  }

  // By the response's own member, as node does it: middleware that has wrapped it adds its fields there.
  #implyHead(): void {
    if (!this.#isHeadWritten) this.#response.writeHead(this.#response.statusCode)
    this.#isHeadWritten = true
  }

  #write(given: unknown[]): boolean {
    const { chunk, done } = argumentsOf(given)
    if (this.#state !== 'writing') {
      if (done !== undefined) queueMicrotask(() => done(new Error('The response has ended.')))
      return false
    }
    this.#implyHead()
    if (this.#isStreaming()) return this.#response.write(...(given as [Uint8Array]))
    if (chunk !== undefined) this.#keep(chunk)
    if (this.#isStreaming()) return this.#response.write(new Uint8Array(), done)
    if (done !== undefined) queueMicrotask(() => done(null))
    return true
  }

  #end(given: unknown[]): ServerResponse {
    const { chunk, done } = argumentsOf(given)
    const response = this.#response
    if (this.#state !== 'writing') {
      if (done !== undefined) queueMicrotask(() => done(new Error('The response has ended.')))
      return response
    }
    checkStatus(response.statusCode)
    this.#implyHead()
    if (this.#isStreaming()) return response.end(...(given as [Uint8Array]))
    if (chunk !== undefined) this.#keep(chunk)
    if (this.#isStreaming()) {
      response.end(done)
      return response
    }
    this.#state = 'ended'
    if (done !== undefined) response.once('finish', done)
    if (this.#isAnswered) {
      // It will not finish again: whoever began to listen meanwhile is told here.
      this.#giveBack()
      this.#tellOwn(['finish', 'close'])
    }
    this.#resolve({
      status: response.statusCode,
      headers: ownPairs(this.#headers, this.#before),
      body: joined(this.#chunks),
    })
    return response
  }

  // Its own client loses its connection, as without a cache; for all others it is a failure.
  #giveUp(error?: Error): ServerResponse {
    const response = this.#response
    const wasWriting = this.#state === 'writing'
    if (wasWriting) this.#state = 'given-up'
    this.#giveBack()
    if (this.#isAnswered || response.destroyed) this.#tellOwn(['close'])
    else response.destroy(error)
    if (wasWriting) this.#reject(error ?? new Error('The handler gave its response up before it was whole.'))
    return response
  }

  // A client that leaves must not end what others wait for: only who listened before the route hears of it.
  #emit(event: string, given: unknown[]): boolean {
    const response = this.#response
    if (!OF_THE_CLIENT.includes(event)) return Object.getPrototypeOf(response).emit.call(response, event, ...given)
    for (const listener of response.rawListeners(event)) if (this.#heard.has(listener)) listener.apply(response, given)
    if (event === 'close' && !this.#isAnswered && isCutHere(response.req.socket)) this.#giveUp()
    return true
  }

  #tellOwn(events: readonly ('finish' | 'close')[]): void {
    const response = this.#response
    void nextTurn().then(() => {
      for (const event of events)
        for (const listener of response.rawListeners(event)) if (!this.#heard.has(listener)) listener.call(response)
    })
  }

  #isStreaming(): boolean {
    return this.#state === 'streaming'
  }

  #keep(chunk: Uint8Array): void {
    this.#chunks.push(chunk)
    this.#length += chunk.length
    if (this.#length > this.#maxBodyBytes) this.#passOn('size')
  }

  // Events are for one reader, now, and may never end.
  #passEvents(): void {
    if (this.#state !== 'writing' || !isOfEvents(this.#headers.get('content-type'))) return
    this.#passOn('stream')
    if (this.#isStreaming() && !this.#response.headersSent) this.#response.flushHeaders()
  }

  // They follow what is sent as it comes, and nothing else.
  #passTrailers(trailers: OutgoingHttpHeaders): void {
    if (this.#state === 'writing') this.#passOn('trailer')
    if (this.#isStreaming()) this.#response.addTrailers(trailers)
  }

  // Not to be kept. Its client, if it still waits, gets it as it comes; behind a stale answer it goes nowhere.
  #passOn(why: string): void {
    const chunks = this.#chunks
    const response = this.#response
    this.#chunks = []
    this.#length = 0
    this.#resolve('streamed')
    if (this.#isAnswered) return
    this.#state = 'streaming'
    this.#giveBack()
    if (response.destroyed) {
      this.#tellOwn(['close'])
      return
    }
    for (const [name, value] of this.#headers) response.setHeader(name, value)
    response.appendHeader('cache-status', `${cacheStatus({ status: 'bypass' })}; detail="${why}"`)
    for (const chunk of chunks) response.write(chunk)
  }
}
