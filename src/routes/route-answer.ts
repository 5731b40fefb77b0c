import { cacheStatus } from '../cache/cache-status.js'
import type { RecordOutcome } from '../cache/records.js'
import { isNotModified, notModifiedHeaders } from './conditional.js'
import { ownAge } from './freshness.js'
import type { KeptResponse, WholeResponse } from './kept-response.js'
import type { RoutePolicy, RouteRequest } from './route-options.js'
import { namesIn } from './vary.js'

/** What a client is sent. One answer may go to many: nobody changes it. */
export interface Answer {
  readonly status: number
  /** Names and values in turn: what `writeHead` takes as it is. */
  readonly fields: readonly string[]
  /** `null` for HEAD and 304. */
  readonly body: string | Uint8Array | null
  /** The same fields as `Response` takes them, once it has been asked for them. */
  headers?: Record<string, string> | [string, string][] | Headers
}

/** Makes the answers of one route. */
export interface Answers {
  /** A kept response, or its 304 where the client has it already. */
  of(request: RouteRequest, outcome: RecordOutcome<unknown>, kept: KeptResponse): Answer
}

/** A kept response as it is sent, without what differs from one request to the next. */
interface Form {
  readonly status: number
  readonly fields: readonly string[]
  readonly body: string | Uint8Array | null
  /** How old it was when it came, in seconds. */
  readonly ownAge: number
  /** The last answer, good until a second has passed. */
  last: { readonly answer: Answer; readonly status: string; readonly age: number; readonly ttl: number } | undefined
}

/** Fields are made once for each kept response, and its answer once a second: a hit is a look-up. */
export function createAnswers(policy: RoutePolicy<never>): Answers {
  const forms = new WeakMap<KeptResponse, { readonly whole: Form; readonly unchanged: Form }>()
  return {
    of(request, outcome, kept) {
      let found = forms.get(kept)
      if (found === undefined) {
        found = { whole: wholeForm(policy, kept), unchanged: unchangedForm(policy, kept) }
        forms.set(kept, found)
      }
      const answer = answerAt(isNotModified(request, kept) ? found.unchanged : found.whole, outcome)
      return request.method === 'HEAD' && answer.body !== null ? { ...answer, body: null } : answer
    },
  }
}

/** A response that is not kept, for the one whose it is. */
export function plainAnswer(request: RouteRequest, response: WholeResponse, status9211: string): Answer {
  const { status, headers, body } = response
  return {
    status,
    fields: [...headers.flat(), 'cache-status', status9211],
    body: request.method === 'HEAD' || body.length === 0 ? null : body,
  }
}

function answerAt(form: Form, outcome: RecordOutcome<unknown>): Answer {
  const { status, ageMs, ttlMs = -1 } = outcome
  const age = form.ownAge + Math.floor(ageMs / 1000)
  const ttl = Math.floor(ttlMs / 1000)
  const { last } = form
  if (last !== undefined && last.age === age && last.ttl === ttl && last.status === status) return last.answer
  const fields = [...form.fields, 'cache-status', cacheStatus(outcome)]
  if (ageMs > 0 || age > 0 || status === 'hit') fields.push('age', String(age))
  const answer: Answer = { status: form.status, fields, body: form.body }
  form.last = { answer, status, age, ttl }
  return answer
}

function wholeForm(policy: RoutePolicy<never>, kept: KeptResponse): Form {
  const { status, body } = kept
  const fields = fieldsOf(policy, kept.headers, kept.etag)
  const age = ownAge(kept.headers)
  if (status === 204) return { status, fields, body: null, ownAge: age, last: undefined }
  const length = typeof body === 'string' ? Buffer.byteLength(body) : body.length
  // First, as servers look for it.
  return { status, fields: ['content-length', String(length), ...fields], body, ownAge: age, last: undefined }
}

function unchangedForm(policy: RoutePolicy<never>, { headers, etag }: KeptResponse): Form {
  const fields = fieldsOf(policy, notModifiedHeaders(headers), etag)
  return { status: 304, fields, body: null, ownAge: ownAge(headers), last: undefined }
}

function fieldsOf(policy: RoutePolicy<never>, headers: KeptResponse['headers'], etag: string): string[] {
  const { varyHeaders, cacheControl, isPrivate } = policy
  const fields = headers.filter(([name]) => name !== 'age' && (name !== 'vary' || varyHeaders.length === 0)).flat()
  fields.push('etag', etag)
  if (!headers.some(([name]) => name === 'cache-control'))
    fields.push('cache-control', cacheControl ?? (isPrivate ? 'private, no-cache' : 'no-cache'))
  if (varyHeaders.length > 0) {
    const own = headers.filter(([name]) => name === 'vary').map(([, value]) => value)
    fields.push('vary', namesIn([...own, ...varyHeaders]).join(', '))
  }
  return fields
}
