import type { RecordContext, RecordOutcome, Records } from '../cache/records.js'
import type { ReadStatus } from '../cache/words.js'
import { onceAborted } from '../runtime/abort.js'
import type { Clock } from '../runtime/clock.js'
import type { AccountItem, Accounts } from './accounts.js'
import { type Call, recordOptionsOf } from './call.js'
import type { ResolvedOptions } from './fetch-options.js'
import { FailedCall, type Flight, type FlightSite } from './flight.js'
import type { Boarding, Flights } from './flights.js'
import { brokenRecording, type Passage } from './pass.js'
import { isRecording, ownHeaders, type Recording, replayableHeaders } from './recording.js'
import { ageOf, follow, replay, stamp, toldOf } from './replay.js'
import { rejected, type Verdict } from './wire-format.js'

/** Everything one `cachedFetch` is made of. */
export interface FetchSite extends FlightSite, Passage {
  readonly clock: Clock
  readonly records: Records<Recording>
  readonly options: ResolvedOptions
  readonly accounts: Accounts
  readonly flights: Flights
  /** Enters a call into the books, and tells who listens. */
  account(item: AccountItem): void
}

/** Who got another caller's failure so many times makes the call without the cache. */
const MAX_ATTEMPTS = 3

/** Answers a call: with what is kept, with what is under way, or from upstream. */
export async function answer(site: FetchSite, call: Call): Promise<Response> {
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const response = await new Attempt(site, call, { isAgain: attempt > 0 }).run()
    if (response !== undefined) return response
  }
  return unshared(site, call)
}

/** Makes a call past the cache, which is in the books all the same. */
export async function unshared(site: FetchSite, call: Call): Promise<Response> {
  if (site.replays()) throw brokenRecording(site)
  const directives = { ...call.directives, noStore: true }
  const response = await new Attempt(site, { ...call, directives }, { isPast: true }).run()
  if (response === undefined) throw new TypeError('No answer of a model came back')
  return response
}

/**
 * One try to answer a call.
 *
 * The namespace is asked for the recording; whoever it makes load leads a flight, and everyone who waits for that flight
 * gets it as it comes. Whichever is first, the recording or the open flight, is the answer.
 */
class Attempt {
  readonly #site: FetchSite
  readonly #call: Call
  readonly #boarding: Boarding
  readonly #askedAt: number
  /** How the answer of a call of its own is told. */
  readonly #own: 'miss' | 'bypass'
  /** Aborts when the caller leaves what others may still wait for. */
  readonly #leaving = new AbortController()
  #unlisten: (() => void) | undefined
  #isDecided = false
  #decide!: (answer: Response | undefined | Promise<never>) => void

  constructor(
    site: FetchSite,
    call: Call,
    { isAgain = false, isPast = false }: { readonly isAgain?: boolean; readonly isPast?: boolean },
  ) {
    const { noStore = false, forceFresh = false } = call.directives
    const key = `${call.directives.scope ?? ''}\u0000${call.key}`
    this.#site = site
    this.#call = call
    this.#askedAt = site.clock.wall()
    this.#own = isPast ? 'bypass' : 'miss'
    this.#boarding = site.flights.board({
      key,
      noStore,
      forceFresh,
      isRetry: call.isRetry || isAgain,
      maxSharedBytes: site.options.maxSharedBytes,
    })
  }

  /** The answer; `undefined` if it is somebody else's failure and worth another try. */
  run(): Promise<Response | undefined> {
    const { directives, signal } = this.#call
    if (signal?.aborted) return this.#refuse(signal.reason)
    const settled = new Promise<Response | undefined>((resolve) => {
      this.#decide = (result) => {
        if (this.#isDecided) return
        this.#isDecided = true
        this.#site.flights.leave(this.#boarding)
        resolve(result as Response | undefined)
      }
    })
    this.#unlisten = onceAborted(signal, (reason) => {
      this.#leave(reason)
      this.#decide(Promise.reject(reason))
    })
    const { joins, flight, forceFresh, maxAgeMs } = this.#boarding
    if (joins && directives.onlyIfCached !== true) flight.onOpen(() => this.#takeLive(flight))
    const { finishOnAbort } = this.#site.options
    this.#site.records
      .load(this.#call.key, (context) => this.#lead(context), {
        ...recordOptionsOf(this.#call, {
          forceFresh,
          maxAgeMs,
          signal: finishOnAbort ? undefined : this.#leaving.signal,
        }),
        cacheable: (recording) => recording.unstorable === undefined,
      })
      .then((outcome) => this.#takeRecording(outcome))
      .catch((error) => this.#takeFailure(error))
      // Whatever goes wrong here, its caller hears of it, and the process does not.
      .catch((error) => this.#isDecided || this.#decide(Promise.reject(error)))
    return settled
  }

  #refuse(reason: unknown): Promise<never> {
    this.#site.flights.leave(this.#boarding)
    return Promise.reject(reason)
  }

  #lead(context: RecordContext): Promise<Recording> {
    const { flights } = this.#site
    const flight = flights.takeOff(this.#boarding, this, this.#call.directives.noStore === true)
    if (flight !== this.#boarding.flight) flight.onOpen(() => this.#takeLive(flight))
    flight.onEnd((verdict) => {
      this.#accountLive(verdict, this.#own)
      const { model, usage } = verdict
      if (usage === undefined) return
      const money = this.#site.accounts.moneyOf(model, usage)
      context.usage.add({ tokens: usage.input + usage.output, ...(money !== undefined && { money }) })
    })
    const led = this.#fly(flight, context)
    // Readers hear of the end behind the namespace, which waits for `led` from this turn on: who has the whole answer finds
    // it in memory, and who has the failure joins nobody who has yet to hear of it.
    const tell = (): void => flight.tellEnd()
    queueMicrotask(() => led.then(tell, tell))
    return led
  }

  async #fly(flight: Flight, context: RecordContext): Promise<Recording> {
    try {
      return await flight.lead(this.#call, context, this.#site)
    } finally {
      this.#site.flights.land(this.#boarding.key, flight)
    }
  }

  /** The flight is open: this caller reads it as it comes. */
  #takeLive(flight: Flight): void {
    const { response } = flight
    if (this.#isDecided || response === undefined || (flight.spent && flight.leader !== this)) return
    const isLeader = flight.leader === this
    const status: ReadStatus = isLeader ? this.#own : 'coalesced'
    const headers = isLeader ? ownHeaders(response.headers) : new Headers(replayableHeaders(response.headers))
    stamp(headers, { status })
    let isReading = true
    flight.followers++
    const ended = (): void => {
      if (!isReading) return
      isReading = false
      flight.followers--
      this.#unlisten?.()
    }
    const left = (reason: unknown): void => {
      ended()
      const isLast = flight.followers === 0
      if (isLast && flight.endIfWhole()) return
      this.#site.flights.noteFailure(this.#boarding.key)
      // Not before: who reads it may be nobody the namespace knows to wait for it, having found an answer that is kept.
      flight.deserters.push(() => this.#leaving.abort(reason))
      if (!isLast) return
      // Who comes from this turn on must not read what is given up.
      flight.spent ||= !this.#site.options.finishOnAbort
      for (const leave of flight.deserters.splice(0)) leave()
    }
    const { url, status: code, statusText } = response
    const followed = follow(
      flight.log,
      { status: code, statusText, headers, url },
      {
        left: (reason) => left(reason ?? new DOMException('The reader cancelled the body.', 'AbortError')),
        ended,
      },
    )
    this.#unlisten?.()
    this.#unlisten = onceAborted(this.#call.signal, (reason) => {
      followed.fail(reason)
      left(reason)
    })
    if (!isLeader) flight.onEnd((verdict) => this.#accountLive(verdict, status))
    this.#decide(followed.response)
  }

  #takeRecording(given: RecordOutcome<Recording>): void {
    const { flight } = this.#boarding
    const { value } = given
    const outcome = isRecording(value) ? toldOf(given, this.#askedAt) : given
    const { status } = outcome
    if (flight.leader === this && flight.verdict === undefined && (status === 'hit' || status === 'stale')) {
      flight.behind = true
    }
    if (this.#isDecided) return
    this.#unlisten?.()
    if (!isRecording(value) || !this.#isMine(value)) {
      this.#decide(undefined)
      return
    }
    if (flight.leader !== this || status === 'hit' || status === 'stale') {
      const ageMs = ageOf(outcome, this.#site.clock)
      const httpStatus = status === 'coalesced' ? value.status : undefined
      this.#account({ model: value.model, usage: value.usage, unstored: value.unstorable, httpStatus, status, ageMs })
    }
    this.#decide(this.#replay(outcome))
  }

  #takeFailure(error: unknown): void {
    if (this.#isDecided) return
    this.#unlisten?.()
    const recording = error instanceof FailedCall ? error.recording : undefined
    if (recording === undefined || !this.#isMine(recording)) {
      this.#decide(error instanceof FailedCall ? undefined : Promise.reject(error))
      return
    }
    const status = this.#boarding.flight.leader === this ? this.#own : 'coalesced'
    if (status === 'coalesced') {
      this.#accountLive({ ...rejected('status'), httpStatus: recording.status }, status)
    }
    this.#decide(this.#replay({ value: recording, status, ageMs: 0 }))
  }

  // Another's key may be wrong or over its limit: that says nothing about this caller's.
  #isMine({ by }: Recording): boolean {
    return by === undefined || by === this.#call.credentials()
  }

  #replay(outcome: RecordOutcome<Recording>): Response {
    const { options, clock } = this.#site
    const { signal, request } = this.#call
    // Of the call of its own; the namespace says of it that what was kept is replaced, which a failure does not.
    const isOwn = outcome.status === 'revalidated' || outcome.status === 'bypass'
    const told = isOwn && outcome.value.unstorable !== undefined ? { ...outcome, status: this.#own } : outcome
    return replay(told, { pacing: options.pacing, clock, url: request.url.href, signal })
  }

  #accountLive({ unstorable, ...told }: Verdict, status: ReadStatus): void {
    this.#account({ ...told, unstored: unstorable, status, ageMs: 0 })
  }

  #account(item: Omit<AccountItem, 'format' | 'call'>): void {
    this.#site.account({ format: this.#call.format.name, call: this.#call.about, ...item })
  }

  /** The caller waits no more, for anything. */
  #leave(reason: unknown): void {
    this.#site.flights.noteFailure(this.#boarding.key)
    this.#leaving.abort(reason)
  }
}
