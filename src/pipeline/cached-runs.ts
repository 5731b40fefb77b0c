import type { RecordContext, RecordOptions, RecordOutcome, Records } from '../cache/records.js'
import { optionInvalid } from '../errors/option-error.js'
import { digestOf } from '../keys/digest.js'
import { checkAnswersAtOnce, checkFunction, checkShape, checkTexts } from '../resilience/option-shape.js'
import { sleep } from '../runtime/abort.js'
import type { Clock } from '../runtime/clock.js'
import { parseDuration } from '../runtime/duration.js'
import type { HopCache } from './define-hop.js'
import type { StartRun } from './repeated-runs.js'
import type { RunRequest } from './run.js'
import type { RunResult } from './run-result.js'

/** Where a pipeline keeps the outputs of whole runs. Only `ok` ones are kept. */
export interface RunCache<In> extends Omit<HopCache<In>, 'cacheable'> {
  /** Part of the key: another version is a miss. */
  readonly version?: string | number | undefined
}

interface StoredRun {
  readonly output: unknown
}

/** Answers for a run that was not made. */
export type AnswerRun = (
  request: RunRequest,
  startedAt: number,
  outcome: RecordOutcome<StoredRun>,
) => RunResult<unknown>

/** What answers runs from a cache. */
export interface CachedRunsOptions {
  readonly pipeline: string
  readonly cache: RunCache<unknown>
  readonly start: StartRun
  readonly answer: AnswerRun
  readonly clock: Clock
}

/** Checks where whole runs are kept. @throws OptionError `ERR_OPTION_INVALID` */
export function checkRunCache(cache: RunCache<unknown>): void {
  checkShape('cache', cache, ['in', 'key', 'ttl', 'tags', 'scope', 'version'])
  if (typeof cache.in?.records !== 'function') {
    throw optionInvalid('cache.in', 'a namespace of a stash', cache.in, 'Write `.cache({ in: stash.analysis })`.')
  }
  if (cache.ttl !== undefined) parseDuration(cache.ttl, 'cache.ttl')
  for (const part of ['key', 'scope'] as const) checkFunction(cache[part], `cache.${part}`)
  checkTexts(cache.tags, 'cache.tags', true)
  for (const part of ['key', 'scope', 'tags'] as const) checkAnswersAtOnce(cache[part], `cache.${part}`)
}

/** Returns a start of runs that asks the cache first. Concurrent equal runs are one, which goes on for the last caller. */
export function createCachedRuns({ pipeline, cache, start, answer, clock }: CachedRunsOptions): StartRun {
  const { version } = cache
  const records = cache.in.records<StoredRun>(version === undefined ? `run:${pipeline}` : `run:${pipeline}@${version}`)
  return async (request) => {
    const place = placeOf(cache, request)
    // What fakes answer is for nobody else.
    if (request.clients !== undefined) return start(request)
    if (place === undefined) return start({ ...request, cached: { status: 'bypass', ageMs: null } })
    const startedAt = clock.now()
    const read = new RunRead(records, start, request, clock)
    const outcome = await read.load(place)
    return 'report' in outcome ? outcome : answer(request, startedAt, outcome)
  }
}

interface Place {
  readonly key: unknown
  readonly options: RecordOptions<StoredRun>
}

/** Where the run is kept; `undefined`: a key that cannot be worked out costs the run its cache, not its answer. */
function placeOf({ key, ttl, tags, scope }: RunCache<unknown>, { input, signal }: RunRequest): Place | undefined {
  try {
    const own = key === undefined ? input : key({ input })
    digestOf(own)
    const partition = scope?.({ input })
    const options = {
      ...(ttl !== undefined && { ttl }),
      ...(tags !== undefined && { tags: typeof tags === 'function' ? tags({ input }) : tags }),
      ...(partition !== undefined && { scope: partition }),
      ...(signal !== undefined && { signal }),
    }
    return { key: own, options }
  } catch {
    return undefined
  }
}

class RunRead {
  readonly #records: Records<StoredRun>
  readonly #start: StartRun
  readonly #request: RunRequest
  #own: Promise<RunResult<unknown>> | undefined
  #abandoned: AbortSignal | undefined
  #answered = false
  readonly #clock: Clock

  constructor(records: Records<StoredRun>, start: StartRun, request: RunRequest, clock: Clock) {
    this.#records = records
    this.#start = start
    this.#request = request
    this.#clock = clock
  }

  /** The result of the run that was made, or what was kept of an earlier one. */
  async load({ key, options }: Place): Promise<RunResult<unknown> | RecordOutcome<StoredRun>> {
    try {
      const outcome = await this.#records.load(key, (context) => this.#make(context), options)
      this.#answered = true
      // A kept value is served at once while the run that refreshes it goes on.
      return this.#own === undefined || outcome.status === 'stale' ? outcome : await this.#own
    } catch (error) {
      if (this.#request.signal?.aborted) return this.#leave()
      if (error instanceof RunNotKept) return error.result
      // A cache that fails costs the run nothing.
      return this.#own ?? this.#start(this.#request)
    }
  }

  async #make({ signal, usage, stale }: RecordContext): Promise<StoredRun> {
    this.#abandoned = signal
    // A stale answer goes out before the run behind it begins, which is then not what a listener hears of.
    if (stale !== undefined && this.#request.listener !== undefined) await sleep(this.#clock, 0, signal)
    const listener = this.#answered ? undefined : this.#request.listener
    this.#own = this.#start({ ...this.#request, signal, listener, cached: { status: 'miss', ageMs: null } })
    const result = await this.#own
    if (result.status !== 'ok' || isTainted(result)) throw new RunNotKept(result)
    const { tokens, costUsd } = result.report.totals
    usage.add({ tokens, money: costUsd })
    return { output: result.output }
  }

  /** The caller has left: the run ends with it if nobody else waits, else a run that calls nobody says so. */
  #leave(): Promise<RunResult<unknown>> {
    if (this.#own !== undefined && this.#abandoned?.aborted) return this.#own
    return this.#start(this.#request)
  }
}

// A run is `ok` and tainted when a hop of it shared the call of a run that was degraded.
function isTainted({ report }: RunResult<unknown>): boolean {
  return Object.values(report.hops).some((hop) => hop.tainted)
}

/** Carries what is not stored to everybody who waits. */
class RunNotKept extends Error {
  override readonly name = 'RunNotKept'
  readonly result: RunResult<unknown>

  constructor(result: RunResult<unknown>) {
    super(`A run came to ${result.status}`)
    this.result = result
  }
}
