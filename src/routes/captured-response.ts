import type { OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { cacheStatus } from '../cache/cache-status.js'
import { nextTurn } from '../runtime/next-turn.js'
import { argumentsOf, headerPairs, joined } from './response-arguments.js'
import type { Answer, Produced } from './route-cache.js'
import { sendAnswer } from './send-answer.js'

/** A `node:http` response whose handler writes into memory, while the client may be sent something else. */
export interface CapturedResponse {
  /** What the handler came to; `streamed` once its body was too long and went to the client as it came. */
  readonly produced: Promise<Produced>
  /** Sends an answer to the client, whatever the handler does. */
  send(answer: Answer, before?: Readonly<Record<string, unknown>>): void
  /** Lets the handler write to the client again, as if nothing had been; only before it wrote. */
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

/** What the client's side of a response was before it was taken. */
const MEMBERS = [
  'setHeader',
  'appendHeader',
  'setHeaders',
  'getHeader',
  'getHeaders',
  'getHeaderNames',
  'hasHeader',
  'removeHeader',
  'writeHead',
  'flushHeaders',
  'write',
  'end',
  'headersSent',
  'writableEnded',
  'writableFinished',
  'finished',
  'destroyed',
  '_closed',
  'emit',
] as const
/** Of these, what a handler, or a stream that ends here, reads to learn how far it is. */
const FLAGS: readonly string[] = [
  'headersSent',
  'writableEnded',
  'writableFinished',
  'finished',
  'destroyed',
  '_closed',
]
/** Events that tell of the client, which is not what the handler writes to. */
const OF_THE_CLIENT: readonly unknown[] = ['finish', 'close']

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
  #state: 'writing' | 'ended' | 'streaming' = 'writing'
  #isHeadWritten = false
  #isAnswered: boolean
  #resolve: (produced: Produced) => void = () => {}

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
    this.produced = new Promise((resolve) => {
      this.#resolve = resolve
    })
  }

  take(): void {
    const response = this.#response
    this.#own.clear()
    for (const name of MEMBERS) {
      const own = Object.getOwnPropertyDescriptor(response, name)
      if (own !== undefined) this.#own.set(name, own)
    }
    const members: Record<(typeof MEMBERS)[number], unknown> = {
      ...this.#headerMembers(),
      writeHead: (status: number, ...rest: unknown[]) => this.#writeHead(status, rest),
      flushHeaders: () => undefined,
      write: (...given: unknown[]) => this.#write(given),
      end: (...given: unknown[]) => this.#end(given),
      headersSent: () => this.#isHeadWritten,
      writableEnded: () => this.#state === 'ended',
      writableFinished: () => this.#state === 'ended',
      finished: () => this.#state === 'ended',
      destroyed: () => false,
      _closed: () => false,
      emit: (event: string, ...given: unknown[]) => this.#emit(event, given),
    }
    for (const name of MEMBERS) {
      const isFlag = FLAGS.includes(name)
      Object.defineProperty(response, name, {
        configurable: true,
        enumerable: false,
        ...(isFlag ? { get: members[name] as () => boolean, set() {} } : { value: members[name], writable: true }),
      })
    }
  }

  release(): void {
    for (const name of MEMBERS) {
      const own = this.#own.get(name)
      if (own === undefined) delete (this.#response as unknown as Record<string, unknown>)[name]
      else Object.defineProperty(this.#response, name, own)
    }
  }

  send(answer: Answer, before?: Readonly<Record<string, unknown>>): void {
    const response = this.#response
    this.#isAnswered = true
    const isWriting = this.#state === 'writing' && Object.hasOwn(response, 'headersSent')
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

  #headerMembers() {
    const response = this.#response
    const headers = this.#headers
    const set = (name: string, value: unknown): void => {
      headers.set(name.toLowerCase(), Array.isArray(value) ? value.map(String) : (value as string | number))
    }
    return {
      setHeader: (name: string, value: unknown) => {
        set(name, value)
        return response
      },
      appendHeader: (name: string, value: string | string[]) => {
        const present = headers.get(name.toLowerCase())
        set(name, present === undefined ? value : [present, value].flat().map(String))
        return response
      },
      setHeaders: (given: Iterable<readonly [string, string]>) => {
        for (const [name, value] of given) set(name, value)
        return response
      },
      getHeader: (name: string) => headers.get(name.toLowerCase()),
      getHeaders: () => Object.fromEntries(headers),
      getHeaderNames: () => [...headers.keys()],
      hasHeader: (name: string) => headers.has(name.toLowerCase()),
      removeHeader: (name: string) => {
        headers.delete(name.toLowerCase())
      },
    }
  }

  #writeHead(status: number, rest: unknown[]): ServerResponse {
    this.#response.statusCode = status
    this.#isHeadWritten = true
    const given = (typeof rest[0] === 'string' ? rest[1] : rest[0]) as OutgoingHttpHeaders | unknown[] | undefined
    for (const [name, value] of headerPairs(given)) this.#headers.set(name.toLowerCase(), value)
    return this.#response
  }

  #write(given: unknown[]): boolean {
    const { chunk, done } = argumentsOf(given)
    this.#isHeadWritten = true
    if (chunk !== undefined) this.#keep(chunk)
    if (this.#state === 'streaming') return this.#response.write(new Uint8Array(), done)
    if (done !== undefined) queueMicrotask(() => done(null))
    return true
  }

  #end(given: unknown[]): ServerResponse {
    const { chunk, done } = argumentsOf(given)
    this.#isHeadWritten = true
    if (chunk !== undefined) this.#keep(chunk)
    if (this.#state === 'streaming') {
      this.#response.end(done)
      return this.#response
    }
    this.#state = 'ended'
    this.release()
    if (done !== undefined) this.#response.once('finish', done)
    // A client that has its answer, or has left, will not finish again: whoever began to listen meanwhile is told here.
    if (this.#isAnswered || this.#response.destroyed) this.#tellOwn()
    this.#resolve({ status: this.#response.statusCode, headers: this.#pairs(), body: joined(this.#chunks) })
    return this.#response
  }

  // A client that leaves must not end what others wait for: only who listened before the route hears of it.
  #emit(event: string, given: unknown[]): boolean {
    const response = this.#response
    if (!OF_THE_CLIENT.includes(event)) return Object.getPrototypeOf(response).emit.call(response, event, ...given)
    for (const listener of response.rawListeners(event)) if (this.#heard.has(listener)) listener.apply(response, given)
    return true
  }

  #tellOwn(): void {
    const response = this.#response
    void nextTurn().then(() => {
      for (const event of ['finish', 'close'])
        for (const listener of response.rawListeners(event)) if (!this.#heard.has(listener)) listener.call(response)
    })
  }

  #keep(chunk: Uint8Array): void {
    this.#chunks.push(chunk)
    this.#length += chunk.length
    if (this.#length > this.#maxBodyBytes) this.#overflow()
  }

  // Too long to be kept. Its client, if it still waits, gets it as it comes; behind a stale answer it goes nowhere.
  #overflow(): void {
    const chunks = this.#chunks
    this.#chunks = []
    if (this.#isAnswered) {
      this.#length = 0
      this.#resolve('streamed')
      return
    }
    this.#state = 'streaming'
    this.release()
    for (const [name, value] of this.#headers) this.#response.setHeader(name, value)
    this.#response.appendHeader('cache-status', `${cacheStatus({ status: 'bypass' })}; detail="size"`)
    for (const chunk of chunks) this.#response.write(chunk)
    this.#resolve('streamed')
  }

  #pairs(): [string, string][] {
    return [...this.#headers]
      .filter(([name, value]) => this.#before.get(name) !== String(value))
      .flatMap(([name, value]): [string, string][] =>
        Array.isArray(value) ? value.map((one): [string, string] => [name, one]) : [[name, String(value)]],
      )
  }
}
