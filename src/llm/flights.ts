import type { Clock } from '../runtime/clock.js'
import { Flight } from './flight.js'

/** What one call asks of the flights under way. */
export interface Ticket {
  /** The key and its scope. */
  readonly key: string
  readonly noStore: boolean
  readonly forceFresh: boolean
  /** The SDK says that it tries again. */
  readonly isRetry: boolean
  /** Bytes of a body that are kept for late readers, of a flight that begins here. */
  readonly maxSharedBytes: number
}

/** The flight a call waits for, and what it must not take instead. */
export interface Boarding {
  readonly key: string
  readonly flight: Flight
  /** The call may read it as it comes. */
  readonly joins: boolean
  /** Nothing kept, and no load under way, will do. */
  readonly forceFresh: boolean
  /** Oldest answer that will do: one newer than the attempt that failed. */
  readonly maxAgeMs: number | undefined
}

/** The part of a namespace that tells whether something was invalidated meanwhile. */
export interface LogicalTime {
  readonly seq: number
}

const FLIGHTS = Symbol('flights')

/** The flights of a namespace, shared by every `cachedFetch` over it: its key says all that may tell two calls apart. */
export function flightsOf(state: { readonly clock: Clock; readonly coherence: LogicalTime }): Flights {
  const held = state as { [FLIGHTS]?: Flights }
  held[FLIGHTS] ??= new Flights(state.clock, state.coherence)
  return held[FLIGHTS]
}

/** Failures that are remembered, of the most recent keys. */
const MAX_FAILURES = 1000

/**
 * The upstream calls under way, by key.
 *
 * A retry never joins the attempt that failed and never reads what was kept before it: it takes only what is newer, so
 * that a hundred callers who fail together still make one call together.
 */
export class Flights {
  readonly #flights = new Map<string, Flight>()
  /** When an attempt for a key last failed, or was given up. */
  readonly #failures = new Map<string, number>()
  readonly #clock: Clock
  readonly #time: LogicalTime

  constructor(clock: Clock, time: LogicalTime) {
    this.#clock = clock
    this.#time = time
  }

  board({ key, noStore, forceFresh, isRetry, maxSharedBytes }: Ticket): Boarding {
    if (noStore) return { key, flight: this.#create(maxSharedBytes), joins: true, forceFresh, maxAgeMs: undefined }
    const retry = isRetry ? this.since(key) : undefined
    const maxAgeMs = retry?.maxAgeMs
    const known = this.#flights.get(key)
    const isTooOld = known !== undefined && retry !== undefined && known.startedAt < retry.failedAt
    if (known === undefined || forceFresh || known.spent || isTooOld) {
      const flight = this.#create(maxSharedBytes)
      flight.readers++
      this.#flights.set(key, flight)
      return {
        key,
        flight,
        joins: true,
        forceFresh: forceFresh || known !== undefined || retry?.isBlind === true,
        maxAgeMs,
      }
    }
    // What began before an invalidation is not handed out as it comes: the namespace tells what may still be had of it.
    const joins = !known.behind && (known.leader === undefined || known.startSeq === this.#time.seq)
    const flight = joins ? known : this.#create(maxSharedBytes)
    flight.readers++
    return { key, flight, joins, forceFresh: false, maxAgeMs }
  }

  /** The flight for a call whose loader runs: the one it waits for, or a new one if somebody led that already. */
  takeOff({ key, flight }: Boarding, leader: object, isPrivate: boolean): Flight {
    const own = flight.leader === undefined ? flight : this.#create(flight.maxSharedBytes)
    own.leader = leader
    own.startSeq = this.#time.seq
    if (!isPrivate) this.#flights.set(key, own)
    return own
  }

  /** The upstream call is over. */
  land(key: string, flight: Flight): void {
    if (this.#flights.get(key) === flight) this.#flights.delete(key)
    if (flight.verdict?.unstorable !== undefined) this.noteFailure(key)
  }

  /** A call has its answer, or will not have it from here. */
  leave({ key, flight }: Boarding): void {
    flight.readers--
    if (flight.readers <= 0 && flight.leader === undefined && this.#flights.get(key) === flight) {
      this.#flights.delete(key)
    }
  }

  noteFailure(key: string): void {
    this.#failures.delete(key)
    this.#failures.set(key, this.#clock.now())
    if (this.#failures.size <= MAX_FAILURES) return
    const [oldest] = this.#failures.keys()
    if (oldest !== undefined) this.#failures.delete(oldest)
  }

  /**
   * What a retry may take: only what is newer than the attempt that failed. Of one that is unknown here, nothing that is
   * there by now.
   */
  since(key: string): { readonly failedAt: number; readonly isBlind: boolean; readonly maxAgeMs: number | undefined } {
    const failedAt = this.#failures.get(key)
    const now = this.#clock.now()
    if (failedAt !== undefined) return { failedAt, isBlind: false, maxAgeMs: Math.floor(now - failedAt) }
    this.noteFailure(key)
    return { failedAt: now, isBlind: true, maxAgeMs: undefined }
  }

  #create(maxSharedBytes: number): Flight {
    const flight = new Flight(maxSharedBytes)
    flight.startedAt = this.#clock.now()
    return flight
  }
}
