import { modeOf } from '../cache/mode.js'
import { stateOf } from '../cache/namespace-state.js'
import type { RecordHost } from '../cache/records.js'
import { HopstashError } from '../errors/base-error.js'
import { optionInvalid } from '../errors/option-error.js'
import { channelNamed } from '../runtime/channels.js'
import { isThenable } from '../runtime/thenable.js'
import { type AccountItem, Accounts, type LlmStats } from './accounts.js'
import { answer, type FetchSite } from './answer.js'
import { type Call, type Passing, readCall } from './call.js'
import { answerItems } from './embeddings.js'
import { type CachedFetchOptions, type FetchLike, resolveOptions } from './fetch-options.js'
import { flightsOf } from './flights.js'
import { LLM_CALL_CHANNEL } from './llm-call.js'
import { LLM_CHANNEL, type LlmEvent, REFUSALS } from './llm-event.js'
import { letThrough } from './pass.js'

/** A `fetch` that answers calls to models from the cache. */
export interface CachedFetch extends FetchLike {
  /** Calls, tokens and money so far: what everything would have cost, what was paid, what was saved. */
  stats(): LlmStats
}

/**
 * A `fetch` for any SDK: calls to models are answered from the namespace, everything else passes through untouched.
 *
 * The key is the whole request but its credentials; only complete, unfiltered answers of status 200 are kept, and a hit
 * replays their bytes. Callers of one request at one time share one upstream call, its stream included.
 *
 * @throws {OptionError} `ERR_OPTION_INVALID` for a bad option, or something that is no namespace.
 * @example
 * import { createStash } from 'hopstash'
 * import { cachedFetch } from 'hopstash/llm'
 * const stash = createStash()
 * let calls = 0
 * const fetch = cachedFetch(stash.aiResponse, {
 *   fetch: async () => Response.json({ choices: [{ finish_reason: 'stop', message: { content: `answer ${++calls}` } }] }),
 * })
 * const ask = async () => {
 *   const body = JSON.stringify({ model: 'gpt-5', messages: [{ role: 'user', content: 'Hello' }] })
 *   const headers = { 'content-type': 'application/json' }
 *   const response = await fetch('https://api.openai.com/v1/chat/completions', { method: 'POST', headers, body })
 *   const said = /answer \d+/.exec(await response.text())?.[0]
 *   return [said, response.headers.get('cache-status')]
 * }
 * await ask() // => ['answer 1', 'hopstash; fwd=uri-miss']
 * const [again] = await ask()
 * again // => 'answer 1'
 * fetch.stats().hits // => 1
 */
export function cachedFetch(namespace: RecordHost, options: CachedFetchOptions = {}): CachedFetch {
  const site = siteOf(namespace, options)
  const fetch = (input: string | URL | Request, init?: RequestInit): Promise<Response> => answerTo(site, input, init)
  return Object.assign(fetch, { stats: () => site.accounts.stats() })
}

/** A request as the middleware of `@anthropic-ai/sdk` is given it. */
export type SdkRequest = RequestInit & { readonly url: string }

/** Middleware for the clients of `@anthropic-ai/sdk`, those of clouds included. */
export interface CachedMiddleware {
  <R extends SdkRequest>(request: R, next: (request: R) => Promise<Response>): Promise<Response>
  /** Calls, tokens and money so far. */
  stats(): LlmStats
}

/**
 * What {@link cachedFetch} does, as middleware of `@anthropic-ai/sdk`: it stands inside the SDK's retries, around the
 * `fetch` of the client.
 *
 * @throws {OptionError} `ERR_OPTION_INVALID` as `cachedFetch` does, and for a `fetch`: the client makes the calls.
 */
export function anthropicMiddleware(
  namespace: RecordHost,
  options: Omit<CachedFetchOptions, 'fetch'> = {},
): CachedMiddleware {
  const { fetch } = options as CachedFetchOptions
  if (fetch !== undefined) throw optionInvalid('fetch', 'absent: the client makes the calls', fetch)
  const site = siteOf(namespace, options)
  const middleware = <R extends SdkRequest>(request: R, next: (request: R) => Promise<Response>): Promise<Response> =>
    answerTo(site, request.url, request, (_url, init) => next({ ...request, ...init }))
  return Object.assign(middleware, { stats: () => site.accounts.stats() })
}

type Site = Parameters<typeof answerItems>[0]

async function answerTo(
  site: Site,
  input: string | URL | Request,
  init: RequestInit | undefined,
  upstream?: FetchLike,
): Promise<Response> {
  try {
    const read = readCall(input, init, site.options, upstream)
    // What is there at once goes on at once: by the next turn its caller may have changed what he gave.
    const reading = read instanceof Promise ? await read : read
    return await ('call' in reading ? answerCall(site, reading.call) : pass(site, reading))
  } catch (error) {
    if (HopstashError.isInstance(error) && !error.retryable && retriesRejections(input, init)) return asResponse(error)
    throw error
  }
}

function pass(site: Site, passing: Passing): Promise<Response> {
  site.accounts.pass()
  return letThrough(site, passing)
}

async function answerCall(site: Site, call: Call): Promise<Response> {
  const begun = channelNamed(LLM_CALL_CHANNEL)
  if (begun.hasSubscribers) begun.publish(call.about)
  try {
    const isOfItems = call.format.name === 'openai-embeddings' && call.isExact
    return await (isOfItems ? answerItems(site, call) : answer(site, call))
  } catch (error) {
    if (HopstashError.isInstance(error) && REFUSALS.has(error.code)) tellRefusal(site, call, error.code)
    throw error
  }
}

/** No call was made, so there is nothing to account for: whoever listens hears of it all the same. */
function tellRefusal({ name: namespace }: Site, { about, format }: Call, failure: string): void {
  const channel = channelNamed(LLM_CHANNEL)
  if (!channel.hasSubscribers) return
  const nothing = { original: undefined, billed: undefined, saved: undefined, model: undefined, finish: undefined }
  const event: LlmEvent = {
    ...nothing,
    namespace,
    format: format.name,
    call: about,
    status: 'miss',
    ageMs: 0,
    unstored: undefined,
    failure,
  }
  channel.publish(event)
}

/** Whether the SDK is one that takes whatever `fetch` rejects with for a broken connection, and tries again. */
function retriesRejections(input: string | URL | Request, init: RequestInit | undefined): boolean {
  return new Headers(init?.headers ?? (input instanceof Request ? input.headers : undefined)).has('x-stainless-lang')
}

/**
 * Nothing kept, and no call to be made, or a mistake of the host's: for an SDK that would try again and then tell of a
 * broken connection. 404 and 400 are what nobody tries again: LangChain, around the SDK, does so at 504 and knows no
 * header.
 */
function asResponse({ code, message }: HopstashError): Response {
  const isMiss = REFUSALS.has(code)
  const headers = { 'x-should-retry': 'false', 'cache-status': `hopstash; detail=${code}` }
  const error = { type: isMiss ? 'cache_miss' : 'cache_error', code, message, param: null }
  return Response.json({ type: 'error', error }, { status: isMiss ? 404 : 400, headers })
}

/** What a `cachedFetch` is made of, with the records of single embeddings beside those of whole answers. */
function siteOf(namespace: RecordHost, options: CachedFetchOptions): Site {
  if (typeof (namespace as RecordHost | undefined)?.records !== 'function') {
    throw optionInvalid('namespace', 'a namespace of a stash, such as stash.aiResponse', namespace)
  }
  const resolved = resolveOptions(options)
  const state = stateOf(namespace)
  const { clock } = state
  const { alsoStore, onAnswer } = resolved
  const accounts = new Accounts(resolved.prices)
  const channel = channelNamed(LLM_CHANNEL)
  const site: FetchSite = {
    clock,
    records: namespace.records('llm'),
    options: resolved,
    accounts,
    flights: flightsOf(state),
    name: namespace.name,
    replays: () => modeOf(namespace) === 'replay',
    keeps: (unstorable) => alsoStore.has(unstorable),
    account(item: AccountItem) {
      const told = accounts.enter(item)
      if (channel.hasSubscribers) {
        const { call, finish, httpStatus, failure } = item
        const event: LlmEvent = { namespace: namespace.name, ...told, call, finish, httpStatus, failure }
        channel.publish(event)
      }
      // A listener's own trouble, then or later, must not become a failed call.
      try {
        const later: unknown = onAnswer?.(told)
        if (isThenable(later)) later.then(undefined, () => {})
      } catch {}
    },
  }
  return { ...site, items: namespace.records('llm-embedding') }
}
