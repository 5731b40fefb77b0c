import { Histogram, type Percentiles } from '../metrics/histogram.js'
import { createRollingCount } from '../resilience/rolling-window.js'

/**
 * How a provider does, as far as its calls of the last minute tell: `unknown` (there was none), `ready`, `degraded` (a
 * tenth or more of them failed, or it limits our rate), `down` (its last 3 calls failed); `unconfigured`: there are no
 * credentials for it.
 */
export type ProviderState = 'unknown' | 'ready' | 'degraded' | 'down' | 'unconfigured'

/** What is known of a provider without asking it. Holds no credentials. */
export interface ProviderReport {
  readonly origin: string
  readonly state: ProviderState
  /** Whether there are credentials, or none are needed; a function is believed until it is asked (see `prepare`). */
  readonly configured: boolean
  readonly calls: number
  readonly failures: number
  /** How long ago, ms; `null` = never. */
  readonly lastSuccessAgeMs: number | null
  readonly lastFailureAgeMs: number | null
  /** `code` of the last failure, and its HTTP status. */
  readonly lastFailure: { readonly code: string | null; readonly status: number | null } | null
  readonly durationMs: Percentiles
}

const WINDOW_MS = 60_000
const DOWN_AFTER = 3
const DEGRADED_SHARE = 0.1

/** Watches the calls of one module. */
export class ProviderMeter {
  #calls = 0
  #failures = 0
  #inARow = 0
  #successAt: number | undefined
  #failureAt: number | undefined
  #lastFailure: ProviderReport['lastFailure'] = null
  readonly #recent = createRollingCount(WINDOW_MS)
  readonly #recentFailures = createRollingCount(WINDOW_MS)
  readonly #durations = new Histogram()

  succeeded(now: number, tookMs: number): void {
    this.#count(now)
    this.#inARow = 0
    this.#successAt = now
    this.#durations.record(tookMs)
  }

  failed(now: number, verdict: 'failure' | 'limited', code: string | null, status: number | null): void {
    this.#count(now)
    this.#failures++
    this.#failureAt = now
    this.#lastFailure = { code, status }
    this.#recentFailures.add(now)
    // A provider that limits us is up.
    this.#inARow = verdict === 'limited' ? 0 : this.#inARow + 1
  }

  read(origin: string, configured: boolean, now: number): ProviderReport {
    return {
      origin,
      state: configured ? this.#state(now) : 'unconfigured',
      configured,
      calls: this.#calls,
      failures: this.#failures,
      lastSuccessAgeMs: ageOf(this.#successAt, now),
      lastFailureAgeMs: ageOf(this.#failureAt, now),
      lastFailure: this.#lastFailure,
      durationMs: this.#durations.percentiles(),
    }
  }

  #count(now: number): void {
    this.#calls++
    this.#recent.add(now)
  }

  #state(now: number): ProviderState {
    const recent = this.#recent.total(now)
    if (recent === 0) return 'unknown'
    if (this.#inARow >= DOWN_AFTER) return 'down'
    return this.#recentFailures.total(now) >= recent * DEGRADED_SHARE && this.#recentFailures.total(now) > 0
      ? 'degraded'
      : 'ready'
  }
}

function ageOf(at: number | undefined, now: number): number | null {
  return at === undefined ? null : Math.round(now - at)
}
