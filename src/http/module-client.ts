import type { Readable } from 'node:stream'
import { HopstashError } from '../errors/base-error.js'
import { httpContract, httpStatus, httpTimeout } from '../errors/http-error.js'
import { optionInvalid } from '../errors/option-error.js'
import { checkSchemaResult } from '../resilience/check-contract.js'
import { classifyError } from '../resilience/classify.js'
import { retryAfterMs } from '../resilience/retry-after.js'
import { unlessAborted } from '../runtime/abort.js'
import { pathsOf, type StandardSchema } from '../runtime/standard-schema.js'
import { answerJson } from './answer-json.js'
import { type Call, type CallOptions, type FixedParts, type MethodOptions, resolveCall } from './call-options.js'
import type { Connections } from './connections.js'
import type { Credentials } from './credentials.js'
import { type Answer, exchange, isSuccess, NoAnswer } from './exchange.js'
import type { ModulePolicy } from './module-options.js'
import type { PoolPolicy } from './pool-options.js'
import type { ProviderMeter } from './provider-meter.js'
import { toHttpError } from './to-http-error.js'

/** A call that checks its answer against the `output` of its options. */
type CheckedOptions<Answered, Options> = Options & { readonly output: StandardSchema<unknown, Answered> }

/** Calls without a body of their own. */
export interface ReadCall<Out> {
  <Answered>(path: string, options: CheckedOptions<Answered, CallOptions>): Promise<Answered>
  (path: string, options?: CallOptions): Promise<Out>
}

/** Calls with a body. */
export interface WriteCall<In, Out> {
  <Answered>(path: string, body: In | undefined, options: CheckedOptions<Answered, CallOptions>): Promise<Answered>
  (path: string, body?: In, options?: CallOptions): Promise<Out>
}

/** An answer as it comes. */
export interface StreamedAnswer {
  readonly status: number
  /** Names in lower case; what came more than once is joined with commas. */
  readonly headers: Readonly<Record<string, string>>
  /** Leaving the loop gives the connection up. */
  readonly body: AsyncIterable<Uint8Array>
}

/**
 * A client of one module, over the connections of its pool.
 *
 * Every method rejects with an `HttpError`: `ERR_HTTP_STATUS` (also for redirects, which are not followed: they
 * would take the credentials elsewhere), `ERR_HTTP_TIMEOUT`, `ERR_HTTP_CONNECTION`, `ERR_HTTP_ANSWER`,
 * `ERR_HTTP_CREDENTIALS`, `ERR_CONTRACT`, `ERR_CLOSED`; with an OptionError for impossible options; with the reason of the
 * signal when that aborts. None retries: that is what the policies of a hop are for.
 */
export interface ModuleClient<In = unknown, Out = unknown> {
  readonly name: string
  readonly get: ReadCall<Out>
  readonly post: WriteCall<In, Out>
  readonly put: WriteCall<In, Out>
  readonly patch: WriteCall<In, Out>
  readonly delete: ReadCall<Out>
  /** Any method; resolves to the parsed answer, `undefined` where it has no body. */
  readonly json: {
    <Answered>(path: string, options: CheckedOptions<Answered, MethodOptions>): Promise<Answered>
    (path: string, options?: MethodOptions): Promise<Out>
  }
  /** Any method; resolves with the headers, to an answer that is neither parsed nor checked. */
  readonly stream: (path: string, options?: MethodOptions) => Promise<StreamedAnswer>
}

/** What the clients of one pool share, and what is one module's own. */
export interface ModuleParts {
  readonly policy: ModulePolicy
  readonly pool: PoolPolicy
  readonly connections: Connections
  readonly credentials: Credentials
  readonly meter: ProviderMeter
  /** Counts a call until it is over. @throws HttpError `ERR_CLOSED` */
  begin(): () => void
}

/** Returns the client of a module. */
export function createModuleClient<In, Out>(parts: ModuleParts): ModuleClient<In, Out> {
  const caller = new Caller(parts)
  const call = async (path: string, options: MethodOptions = {}, fixed: FixedParts = {}): Promise<unknown> =>
    caller.json(resolveCall(parts.policy, path, options, fixed))
  const read =
    (method: 'GET' | 'DELETE') =>
    (path: string, options?: CallOptions): Promise<unknown> =>
      call(path, options, { method })
  const write =
    (method: 'POST' | 'PUT' | 'PATCH') =>
    (path: string, body?: unknown, options?: CallOptions): Promise<unknown> =>
      call(path, options, { method, body })
  const client = {
    name: parts.policy.name,
    get: read('GET'),
    post: write('POST'),
    put: write('PUT'),
    patch: write('PATCH'),
    delete: read('DELETE'),
    json: (path: string, options?: MethodOptions) => call(path, options),
    stream: async (path: string, options: MethodOptions = {}) =>
      caller.stream(resolveCall(parts.policy, path, options)),
  }
  return Object.freeze(client) as unknown as ModuleClient<In, Out>
}

/** Of idle connections more than one may be dead; each is found out by a call. */
const MAX_RESENT = 2

class Caller {
  readonly #parts: ModuleParts

  constructor(parts: ModuleParts) {
    this.#parts = parts
  }

  async json(call: Call): Promise<unknown> {
    const end = this.#parts.begin()
    try {
      return await this.#metered(call, async () => {
        const answer = await this.#answer(call, false)
        const value = answerJson(answer, this.#parts.policy.name, call.method)
        return call.output === undefined ? value : this.#checked(call.output, value, 'output')
      })
    } finally {
      end()
    }
  }

  async stream(call: Call): Promise<StreamedAnswer> {
    const end = this.#parts.begin()
    try {
      const { status, headers, stream } = await this.#metered(call, () => this.#answer(call, true))
      const body = stream as Readable
      // The call is over with its last part, or when nobody reads on; it may be by now.
      if (body.closed) end()
      else body.once('close', end)
      return { status, headers: joined(headers), body }
    } catch (error) {
      end()
      throw error
    }
  }

  async #metered<T>(call: Call, work: () => Promise<T>): Promise<T> {
    const { meter, pool } = this.#parts
    const startedAt = pool.clock.now()
    try {
      const value = await work()
      const now = pool.clock.now()
      meter.succeeded(now, now - startedAt)
      return value
    } catch (error) {
      this.#note(call, error)
      throw error
    }
  }

  #note(call: Call, error: unknown): void {
    const { meter, pool } = this.#parts
    const { status, code, kind, verdict } = classifyError(error, 0)
    // A caller that leaves, or sends what does not fit, says nothing of the upstream; one whose patience ends does.
    const left = call.signal?.aborted === true && kind !== 'timeout'
    if (left || (HopstashError.isInstance(error) && isOurs(error))) return
    const now = pool.clock.now()
    if (kind === 'rate_limited') meter.failed(now, 'limited', code, status)
    else if (kind === 'auth' || verdict === 'failure') meter.failed(now, 'failure', code, status)
    else meter.succeeded(now, Number.NaN)
  }

  async #answer(call: Call, streamed: boolean): Promise<Answer> {
    const { policy, credentials } = this.#parts
    const { name } = policy
    call.signal?.throwIfAborted()
    if (call.late) throw httpTimeout(name, call.method, 'deadline')
    const body = await this.#body(call)
    const known = credentials.current()
    const secret = known instanceof Promise ? await unlessAborted(known, call.signal) : known
    const answer = await this.#send(call, body, secret, streamed)
    if (answer.status !== 401 || secret === undefined) return this.#success(call, answer)
    const renewed = await unlessAborted(credentials.renewed(secret), call.signal)
    if (renewed === undefined) return this.#success(call, answer)
    return this.#success(call, await this.#send(call, body, renewed, streamed))
  }

  async #body({ body, input }: Call): Promise<string | Uint8Array | null> {
    const value = input === undefined ? body : await this.#checked(input, body, 'input')
    if (value === undefined) return null
    if (value instanceof Uint8Array) return value
    try {
      const text = JSON.stringify(value) as string | undefined
      if (text !== undefined) return text
    } catch {}
    throw optionInvalid('body', 'something JSON can hold', value)
  }

  async #send(
    call: Call,
    body: string | Uint8Array | null,
    secret: string | undefined,
    streamed: boolean,
  ): Promise<Answer> {
    const { policy, connections, credentials, pool } = this.#parts
    const { timeouts } = call
    const request = {
      origin: policy.base.origin,
      path: call.path,
      method: call.method,
      headers:
        secret === undefined ? call.headers : { ...call.headers, [credentials.header]: credentials.valueOf(secret) },
      body,
      headersTimeout: limitOf(timeouts.headersMs),
      bodyTimeout: limitOf(timeouts.bodyMs),
      signal: call.signal,
      maxBytes: policy.maxAnswerBytes,
      streamed,
      explain: (error: unknown): Error => {
        const explained = toHttpError(policy.name, call.method, error)
        this.#note(call, explained)
        return explained
      },
    }
    for (let resent = 0; ; resent++) {
      try {
        return await exchange(connections, request, () => pool.clock.now())
      } catch (error) {
        const { failure, unanswered } = reasonOf(error)
        if (call.signal?.aborted) throw failure
        // An upstream may close an idle connection at the very moment we use it; it has not seen the call then.
        const unseen = unanswered && call.repeatable && connections.wasUsed(failure)
        if (!unseen || resent === MAX_RESENT) throw toHttpError(policy.name, call.method, failure)
        connections.meterOf(request.origin).resent++
      }
    }
  }

  #success(call: Call, answer: Answer): Answer {
    if (isSuccess(answer.status)) return answer
    const wait = retryAfterMs(answer, this.#parts.pool.clock.wall())
    throw httpStatus(this.#parts.policy.name, call.method, answer.status, wait)
  }

  async #checked(schema: StandardSchema, value: unknown, side: 'input' | 'output'): Promise<unknown> {
    const result = checkSchemaResult(await schema['~standard'].validate(value))
    if (result.issues === undefined) return result.value
    throw httpContract(this.#parts.policy.name, side, pathsOf(result.issues))
  }
}

function reasonOf(error: unknown): { readonly failure: unknown; readonly unanswered: boolean } {
  return error instanceof NoAnswer ? { failure: error.cause, unanswered: true } : { failure: error, unanswered: false }
}

function isOurs(error: HopstashError): boolean {
  const { code, context } = error
  return (
    code === 'ERR_CLOSED' ||
    code === 'ERR_OPTION_INVALID' ||
    (code === 'ERR_CONTRACT' && context.side === 'input') ||
    context.phase === 'deadline'
  )
}

// 0 is how undici spells "no limit".
function limitOf(ms: number): number {
  return ms === Infinity ? 0 : ms
}

function joined(headers: Answer['headers']): Record<string, string> {
  const texts: Record<string, string> = {}
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) texts[name] = typeof value === 'string' ? value : value.join(', ')
  }
  return texts
}
