import { cacheStatus } from '../cache/cache-status.js'
import type { RecordOutcome } from '../cache/records.js'
import { optionInvalid } from '../errors/option-error.js'
import { linkedController, sleep } from '../runtime/abort.js'
import type { Clock } from '../runtime/clock.js'
import { type Duration, parseDuration } from '../runtime/duration.js'
import type { ByteLog } from './byte-log.js'
import { bytesOf, type Recording } from './recording.js'

/**
 * How a recorded event stream is replayed: all at once, as it was recorded, or with a pause before every recorded chunk.
 */
export type Pacing = 'instant' | 'recorded' | { readonly fixed: Duration }

/** Checks a pacing. @throws {OptionError} `ERR_OPTION_INVALID` */
export function checkPacing(pacing: unknown): void {
  if (pacing === 'instant' || pacing === 'recorded') return
  const fixed = typeof pacing === 'object' && pacing !== null ? (pacing as { fixed?: Duration }).fixed : undefined
  if (fixed === undefined) throw optionInvalid('pacing', "'instant', 'recorded' or { fixed: duration }", pacing)
  parseDuration(fixed, 'pacing.fixed')
}

/** A response out of a recording: same status, same bytes, the headers worth replaying, and where it came from. */
export function replay(
  outcome: RecordOutcome<Recording>,
  site: {
    readonly pacing: Pacing
    readonly clock: Clock
    readonly url: string
    readonly signal?: AbortSignal | undefined
  },
): Response {
  const { value: recording, status, ttlMs } = outcome
  const headers = new Headers(recording.headers as [string, string][])
  stamp(headers, { status, ttlMs })
  headers.set('age', String(Math.floor(ageOf(outcome, site.clock) / 1000)))
  const isPaced = site.pacing !== 'instant' && recording.pace !== undefined
  const whole = HAS_NO_BODY.has(recording.status) ? null : (recording.body as string)
  const body = isPaced ? pacedBody(recording, site) : whole
  return responseOf(body, { status: recording.status, headers }, site.url)
}

const HAS_NO_BODY = new Set([204, 205, 304])

/**
 * An outcome as it is told of a call begun at `askedAt`, by the wall clock: who waited while somebody else read the answer
 * from the store joined no call, and got what was kept.
 */
export function toldOf<R extends { readonly at: number }>(
  outcome: RecordOutcome<R>,
  askedAt: number,
): RecordOutcome<R> {
  if (outcome.status !== 'coalesced' || !(outcome.value.at < askedAt)) return outcome
  return { ...outcome, status: 'hit', ageMs: askedAt - outcome.value.at }
}

/** Age of what is replayed, ms: by the namespace's count, else by the clocks of those who kept and who serve it. */
export function ageOf({ value, status, ageMs }: RecordOutcome<Recording>, clock: Clock): number {
  if (ageMs > 0 || (status !== 'hit' && status !== 'stale')) return ageMs
  return Math.max(0, clock.wall() - value.at)
}

/** A response that reads a log from its beginning, and lets go of it when it is cancelled. */
export function follow(
  log: ByteLog,
  head: { readonly status: number; readonly statusText: string; readonly headers: Headers; readonly url: string },
  listener: { left(reason: unknown): void; ended(): void },
): { readonly response: Response; fail(reason: unknown): void } {
  const reader = log.read()
  const body = new ReadableStream(
    {
      type: 'bytes',
      async pull(controller) {
        try {
          const chunk = await reader.next()
          if (chunk !== undefined) return controller.enqueue(chunk)
          reader.leave()
          listener.ended()
          close(controller)
        } catch (error) {
          reader.leave()
          listener.ended()
          controller.error(error)
        }
      },
      cancel(reason) {
        reader.leave()
        listener.left(reason)
      },
    },
    { highWaterMark: 0 },
  )
  const { status, statusText, headers } = head
  return {
    response: responseOf(body, { status, statusText, headers }, head.url),
    fail: (reason) => reader.fail(reason),
  }
}

/** Says in the headers what the cache did. Another cache's word before ours stays (RFC 9211). */
export function stamp(headers: Headers, outcome: Parameters<typeof cacheStatus>[0]): void {
  headers.append('cache-status', cacheStatus(outcome))
}

function pacedBody(
  { body, pace = [] }: Recording,
  { pacing, clock, signal }: { pacing: Pacing; clock: Clock; signal?: AbortSignal | undefined },
): ReadableStream<Uint8Array> {
  const bytes = bytesOf(body)
  const fixedMs = typeof pacing === 'object' ? parseDuration(pacing.fixed, 'pacing.fixed') : undefined
  const reader = linkedController(signal)
  let at = 0
  let chunk = 0
  return new ReadableStream(
    {
      type: 'bytes',
      async pull(controller) {
        // What the recorded chunks do not cover comes with the last one.
        const isLast = chunk + 2 >= pace.length
        const size = isLast ? bytes.length - at : (pace[chunk] ?? 0)
        const pauseMs = fixedMs ?? pace[chunk + 1] ?? 0
        if (pauseMs > 0) await sleep(clock, pauseMs, reader.signal)
        // A copy, of a `Buffer`, too: it is its reader's.
        if (size > 0) controller.enqueue(new Uint8Array(bytes.subarray(at, at + size)))
        at += size
        chunk += 2
        if (at < bytes.length) return
        reader.release()
        close(controller)
      },
      cancel() {
        reader.release()
        reader.abort()
      },
    },
    { highWaterMark: 0 },
  )
}

// Who waits with an array of his own hears of the end only by its being given back.
function close(controller: ReadableByteStreamController): void {
  controller.close()
  controller.byobRequest?.respond(0)
}

/**
 * A response as `fetch` gives it, and its clones: it says where it came from, and may be of a status over 599, which servers
 * send and the constructor refuses.
 */
export function responseOf(body: Body, head: ResponseInit & { readonly status: number }, url: string): Response {
  const { status } = head
  const said = { url: { value: url }, ...(status > MAX_STATUS && { status: { value: status } }) }
  const withSaid = (response: Response): Response =>
    Object.defineProperties(response, {
      ...said,
      clone: { value: () => withSaid(Response.prototype.clone.call(response)) },
    })
  return withSaid(new Response(body, { ...head, status: Math.min(status, MAX_STATUS) }))
}
const MAX_STATUS = 599
type Body = ConstructorParameters<typeof Response>[0]
