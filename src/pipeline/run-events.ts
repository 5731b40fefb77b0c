import { optionInvalid } from '../errors/option-error.js'
import type { Clock } from '../runtime/clock.js'
import { leftAtOnce } from '../runtime/left-at-once.js'
import { tell } from '../runtime/tell.js'
import type { RunListener, RunRequest } from './run.js'
import type { RunResult } from './run-result.js'
import { publicReport, publicSource } from './views.js'
import type { HopCacheStatus, HopReason, HopSource, HopStatus } from './words.js'

/** What happens in a run, in its order. `atMs` counts from its start. */
export type RunEvent<Output = unknown, Names extends string = string> =
  | { readonly type: 'run:start'; readonly pipeline: string; readonly atMs: number }
  | { readonly type: 'hop:start'; readonly hop: Names; readonly atMs: number }
  | HopRetryEvent<Names>
  | HopEndEvent<Names>
  | { readonly type: 'run:end'; readonly result: RunResult<Output, Names>; readonly atMs: number }

/** An attempt of a hop failed, and there will be another one. */
export interface HopRetryEvent<Names extends string = string> {
  readonly type: 'hop:retry'
  readonly hop: Names
  /** The one to come: 2 for the first repetition. */
  readonly attempt: number
  readonly reason: HopReason
  readonly waitMs: number
  readonly atMs: number
}

/** A hop is over; one that was skipped or cancelled before its turn has had no `hop:start`. */
export interface HopEndEvent<Names extends string = string> {
  readonly type: 'hop:end'
  readonly hop: Names
  readonly status: HopStatus
  readonly source: HopSource | null
  readonly reason: HopReason | null
  readonly cache: HopCacheStatus
  readonly atMs: number
}

/** Runs with a listener. */
export type StartStream = (over: Pick<RunRequest, 'listener'>, signal: AbortSignal) => Promise<RunResult<unknown>>

/** Makes a run when the first event is asked for, and yields its events as they happen. Who stops asking cancels it. */
export function streamRun(
  pipeline: string,
  clock: Clock,
  start: StartStream,
): AsyncGenerator<RunEvent, void, undefined> {
  const caller = new AbortController()
  return leftAtOnce(eventsOf(pipeline, clock, start, caller), () => caller.abort())
}

async function* eventsOf(
  pipeline: string,
  clock: Clock,
  start: StartStream,
  caller: AbortController,
): AsyncGenerator<RunEvent, void, undefined> {
  const events: RunEvent[] = []
  const startedAt = clock.now()
  let wake = (): void => {}
  const push = (event: RunEvent): void => {
    events.push(event)
    wake()
  }
  const atMs = (): number => Math.round((clock.now() - startedAt) * 10) / 10
  const ended = new Set<string>()
  // Who leaves a run that goes on for others is told of its end by a run that calls nobody: a hop ends once all the same.
  const pushOfHop = (event: Extract<RunEvent, { hop: string }>): void => {
    if (!ended.has(event.hop)) push(event)
  }
  const listener: RunListener = {
    hopStarted: (hop) => pushOfHop({ type: 'hop:start', hop: hop.name, atMs: atMs() }),
    hopRetries: (hop, attempt, { reason }, waitMs) =>
      pushOfHop({ type: 'hop:retry', hop: hop.name, attempt, reason, waitMs, atMs: atMs() }),
    hopEnded({ name, status, source, reason, cacheStatus }) {
      pushOfHop({ type: 'hop:end', hop: name, status, source, reason, cache: cacheStatus, atMs: atMs() })
      ended.add(name)
    },
  }
  let refusal: { readonly error: unknown } | undefined
  push({ type: 'run:start', pipeline, atMs: 0 })
  start({ listener }, caller.signal).then(
    (result) => push({ type: 'run:end', result, atMs: atMs() }),
    (error) => {
      refusal = { error }
      wake()
    },
  )
  try {
    for (;;) {
      const event = events.shift()
      if (event !== undefined) {
        yield event
        if (event.type === 'run:end') return
      } else if (refusal !== undefined) throw refusal.error
      else {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
    }
  } finally {
    caller.abort()
  }
}

/**
 * Turns the events of a run into server-sent events, a text each: `event` is the type, `data` is JSON without names of
 * providers, attempts or cost; that of `run:end` has `status`, `output` and the public report. An output that JSON cannot
 * hold (a cycle, a bigint, a function) is `null` there, beside `outputError: 'ERR_VALUE_UNSUPPORTED'`.
 *
 * @throws OptionError `ERR_OPTION_INVALID`
 * @example
 * import { pipeline, toServerSentEvents } from 'hopstash/pipeline'
 * const p = pipeline<number>('double').hop('two', { run: ({ input }) => input * 2 }).assemble(({ two }) => two)
 * const types: string[] = []
 * for await (const text of toServerSentEvents(p.stream(21))) types.push(text.split('\n')[0] ?? '')
 * types // => ['event: run:start', 'event: hop:start', 'event: hop:end', 'event: run:end']
 */
export function toServerSentEvents(events: AsyncIterable<RunEvent>): AsyncGenerator<string, void, undefined> {
  if (typeof events !== 'object' || events === null || !(Symbol.asyncIterator in events)) {
    throw optionInvalid('events', 'what `pipeline.stream()` returned', events)
  }
  const { return: leave } = events as Partial<AsyncGenerator>
  return leftAtOnce(textsOf(events), () => tell(() => leave?.call(events, undefined), undefined))
}

async function* textsOf(events: AsyncIterable<RunEvent>): AsyncGenerator<string, void, undefined> {
  for await (const event of events) yield `event: ${event.type}\ndata: ${dataOf(event)}\n\n`
}

function dataOf(event: RunEvent): string {
  if (event.type === 'hop:end') return JSON.stringify({ ...event, source: publicSource(event.source) })
  if (event.type !== 'run:end') return JSON.stringify(event)
  const { type, atMs, result } = event
  const data = (output: object) =>
    JSON.stringify({ type, atMs, status: result.status, ...output, report: publicReport(result.report) })
  try {
    const output: unknown = result.output ?? null
    if (typeof output !== 'function' && typeof output !== 'symbol') return data({ output })
  } catch {
    // Whoever listens waits for the end of the run, whatever it came to.
  }
  return data({ output: null, outputError: 'ERR_VALUE_UNSUPPORTED' })
}
