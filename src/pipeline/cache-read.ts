import type { RecordOptions, RecordOutcome } from '../cache/records.js'
import type { UsageMeter as SavingsMeter } from '../cache/usage-meter.js'
import { digestOf } from '../keys/digest.js'
import type { Priority } from '../resilience/limiter.js'
import { onceAborted } from '../runtime/abort.js'
import type { AttemptScope } from './attempt.js'
import { applyContract } from './contract.js'
import type { HopCache } from './define-hop.js'
import type { Engine } from './engine.js'
import { type Failure, thrownFailure } from './failure.js'
import { type CallWaiter, GuardedCall } from './guarded-call.js'
import type { UsageMeter } from './hop-context.js'
import type { CacheReader, PlannedCache, StoredAnswer } from './planned-cache.js'
import type { PlannedHop } from './planned-hop.js'
import { meterBoth } from './usage.js'
import type { HopCacheStatus } from './words.js'

/** An answer that came through the cache. */
export interface CachedAnswer {
  readonly value: unknown
  readonly source: 'live' | 'cache' | 'stale'
  readonly status: HopCacheStatus
  readonly ageMs: number
  readonly tainted: boolean
}

/** The hop that reads. */
export interface CachingHop extends AttemptScope, CallWaiter {
  readonly plan: PlannedHop
  readonly engine: Engine
  readonly input: unknown
  readonly tainted: boolean
  call: GuardedCall | undefined
  cacheStatus: HopCacheStatus
  answered(answer: CachedAnswer, now: number): void
  fail(failure: Failure, now: number): void
}

interface ReadKey {
  readonly key: unknown
  readonly scope: string | undefined
}

/** The key of what is not to be kept: a function has no canonical form. */
const NO_KEY: ReadKey = { key: () => {}, scope: undefined }

/** One hop's read through its cache. It can leave; a call that others wait for then goes on without it. */
export class CacheRead implements CacheReader {
  readonly #hop: CachingHop
  readonly #cache: PlannedCache
  readonly #leave = new AbortController()
  #key: ReadKey | undefined
  #options: RecordOptions<StoredAnswer> = {}
  #misfits = 0
  #digest: string | undefined
  #fresh: { readonly value: unknown } | undefined
  #over = false
  #left: 'timeout' | 'aborted' = 'aborted'

  constructor(hop: CachingHop, cache: PlannedCache) {
    this.#hop = hop
    this.#cache = cache
  }

  get deadlineAt(): number {
    return this.#hop.deadlineAt
  }

  start(): void {
    try {
      this.#key = readKey(this.#hop, this.#cache.options)
      this.#options = this.#optionsOf(this.#key.scope)
    } catch (error) {
      // A key that cannot be worked out costs the hop its cache, not its answer.
      this.#bypass(error)
      return
    }
    this.#cache.readers.add(this)
    this.#load(this.#options)
  }

  leave(outcome: 'timeout' | 'aborted', cause: unknown): void {
    this.#end()
    this.#left = outcome
    this.#leave.abort(cause)
  }

  /** Names the load: equal for reads that may share one. */
  get digest(): string {
    if (this.#digest !== undefined) return this.#digest
    try {
      this.#digest = digestOf([this.#key?.scope, this.#key?.key])
    } catch {
      this.#digest = ''
    }
    return this.#digest
  }

  #load(options: RecordOptions<StoredAnswer>): void {
    const read = async (): Promise<RecordOutcome<StoredAnswer>> =>
      this.#cache.records.load(this.#key?.key, ({ signal, usage }) => this.#call(signal, usage), options)
    read().then(
      (outcome) => this.#loaded(outcome),
      (error) => this.#refused(error),
    )
  }

  #optionsOf(scope: string | undefined): RecordOptions<StoredAnswer> {
    const { ttl, tags, cacheable } = this.#cache.options
    const input = this.#hop.input
    const { keepStaleMs } = this.#hop.plan.definition
    return {
      ...(ttl !== undefined && { ttl }),
      ...(tags !== undefined && { tags: typeof tags === 'function' ? tags({ input }) : tags }),
      ...(scope !== undefined && { scope }),
      ...(keepStaleMs > 0 && { keepStaleFor: keepStaleMs }),
      signal: this.#leave.signal,
      cacheable: (answer) => !answer.tainted && (cacheable?.(this.#fresh?.value) ?? true),
    }
  }

  /** Runs as the leader of a load, for everybody who waits for it. */
  #call(signal: AbortSignal, savings: SavingsMeter): Promise<StoredAnswer> {
    const hop = this.#hop
    return new Promise((resolve, reject) => {
      const waiter = new SharedWaiter(hop, savings, () => this.#latestDeadline(), {
        succeeded: (value, raw) => {
          unlisten()
          this.#fresh = { value }
          resolve({ raw, tainted: hop.tainted })
        },
        failed: (failure) => {
          unlisten()
          reject(new LoadFailure(failure))
        },
      })
      const { spec, upstream, definition } = hop.plan
      const call = new GuardedCall(hop.engine, spec, upstream, waiter, hop.input, definition.client)
      const unlisten = onceAborted(signal, (reason) => {
        call.cancel(this.#left, reason)
        reject(reason)
      })
      hop.call = call
      call.request(1, hop.now())
    })
  }

  // A load goes on for its last waiter, so that one's budget decides whether another attempt is worth while.
  #latestDeadline(): number {
    let latest = this.#hop.deadlineAt
    for (const reader of this.#cache.readers) {
      if (reader.deadlineAt > latest && reader.digest !== '' && reader.digest === this.digest)
        latest = reader.deadlineAt
    }
    return latest
  }

  #loaded(outcome: RecordOutcome<StoredAnswer>): void {
    if (this.#over) return
    const { status, ageMs } = outcome
    const source = status === 'hit' ? 'cache' : status === 'stale' ? 'stale' : 'live'
    const accept = (value: unknown): void => {
      if (this.#over) return
      this.#end()
      this.#hop.answered({ value, source, status, ageMs, tainted: outcome.value.tainted }, this.#hop.now())
    }
    if (this.#fresh !== undefined && source === 'live') {
      accept(this.#fresh.value)
      return
    }
    checkAgain(this.#hop.plan, outcome.value.raw, accept, () => this.#misfit(ageMs))
  }

  /** Stored under an older contract: as good as a miss, whose answer takes its place. */
  #misfit(ageMs: number): void {
    if (this.#over) return
    this.#misfits++
    if (this.#misfits === 1) this.#load({ ...this.#options, maxAge: Math.max(0, ageMs - 1) })
    else if (this.#misfits === 2) this.#load({ ...this.#options, forceFresh: true })
    // A recording is handed out whatever is asked for.
    else this.#bypass()
  }

  #refused(error: unknown): void {
    if (this.#over) return
    this.#end()
    const hop = this.#hop
    if (hop.cacheStatus !== 'bypass') hop.cacheStatus = 'miss'
    hop.fail(error instanceof LoadFailure ? error.failure : thrownFailure(error, hop.engine.clock.wall()), hop.now())
  }

  // Through the namespace all the same: whether anybody may be called at all is for its mode to say.
  #bypass(error?: unknown): void {
    this.#hop.cacheStatus = 'bypass'
    this.#key = NO_KEY
    this.#load({ keyless: { error }, signal: this.#leave.signal })
  }

  #end(): void {
    this.#over = true
    this.#cache.readers.delete(this)
  }
}

/** The hop's kept value, if it is not older than `maxAgeMs` after its lifetime; still to pass the output contract. */
export async function staleAnswer(
  hop: { readonly plan: PlannedHop; readonly input: unknown },
  maxAgeMs: number,
): Promise<{ readonly raw: unknown; readonly ageMs: number } | undefined> {
  const { cache } = hop.plan
  if (cache === undefined) return undefined
  const { key, scope } = readKey(hop, cache.options)
  const outcome = await cache.records.stale(key, maxAgeMs, scope === undefined ? {} : { scope })
  return outcome === undefined ? undefined : { raw: outcome.value.raw, ageMs: outcome.ageMs }
}

/** Passes a stored answer through the output contract again: the schema may be younger than the answer. */
export function checkAgain(plan: PlannedHop, raw: unknown, accept: (value: unknown) => void, refuse: () => void): void {
  const { output } = plan.definition
  if (output === undefined) accept(raw)
  else applyContract(output, raw, { hop: plan.name, side: 'output' }, accept, refuse)
}

function readKey(hop: { readonly input: unknown }, options: HopCache<unknown>): ReadKey {
  const { input } = hop
  return { key: options.key === undefined ? input : options.key({ input }), scope: options.scope?.({ input }) }
}

interface Settlement {
  succeeded(value: unknown, raw: unknown): void
  failed(failure: Failure): void
}

class SharedWaiter implements CallWaiter {
  readonly #hop: CachingHop
  readonly #savings: SavingsMeter
  readonly #latestDeadline: () => number
  readonly #settlement: Settlement

  constructor(hop: CachingHop, savings: SavingsMeter, latestDeadline: () => number, settlement: Settlement) {
    this.#hop = hop
    this.#savings = savings
    this.#latestDeadline = latestDeadline
    this.#settlement = settlement
  }

  get usage(): UsageMeter {
    return meterBoth(this.#hop.usage, this.#savings)
  }

  get log() {
    return this.#hop.log
  }

  get idempotencyKey(): string {
    return this.#hop.idempotencyKey
  }

  get deadlineAt(): number {
    return this.#latestDeadline()
  }

  get priority(): Priority | undefined {
    return this.#hop.priority
  }

  now(): number {
    return this.#hop.now()
  }

  callSucceeded(_call: GuardedCall, value: unknown, raw: unknown): void {
    this.#settlement.succeeded(value, raw)
  }

  callFailed(_call: GuardedCall, failure: Failure): void {
    this.#settlement.failed(failure)
  }

  callRetries(attempt: number, failure: Failure, waitMs: number): void {
    this.#hop.callRetries(attempt, failure, waitMs)
  }

  get resume(): CachingHop['resume'] {
    return this.#hop.resume
  }
}

class LoadFailure extends Error {
  override readonly name = 'LoadFailure'
  readonly failure: Failure

  constructor(failure: Failure) {
    super(`A hop's call failed: ${failure.reason}`)
    this.failure = failure
  }
}
