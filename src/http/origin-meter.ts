import { Histogram, type Percentiles } from '../metrics/histogram.js'

/** What the connections to one origin did so far. */
export interface OriginStats {
  readonly sockets: {
    /** Connections made since the start. */
    readonly opened: number
    readonly open: number
  }
  /** Calls sent, those sent again included. */
  readonly calls: number
  /** Calls that needed no connection of their own to be made. */
  readonly reused: number
  /** Calls that a used connection was closed under, and that were sent again at once. */
  readonly resent: number
  readonly inFlight: number
  /** Calls that wait for a connection. */
  readonly queued: number
  /** From the call to the end of its answer, ms, waiting for a connection included; streams to their headers. */
  readonly durationMs: Percentiles
  /** How long calls waited for a connection, ms. */
  readonly queueMs: Percentiles
}

/** Counts what the connections to one origin do. */
export class OriginMeter {
  opened = 0
  open = 0
  calls = 0
  resent = 0
  inFlight = 0
  queued = 0
  readonly #durations = new Histogram()
  readonly #waits = new Histogram()

  /** A call has a connection after `waitedMs`. */
  begin(waitedMs: number): void {
    this.queued--
    this.inFlight++
    this.calls++
    this.#waits.record(waitedMs)
  }

  answered(tookMs: number): void {
    this.#durations.record(tookMs)
  }

  read(): OriginStats {
    return {
      sockets: { opened: this.opened, open: this.open },
      calls: this.calls,
      reused: Math.max(0, this.calls - this.opened),
      resent: this.resent,
      inFlight: this.inFlight,
      queued: this.queued,
      durationMs: this.#durations.percentiles(),
      queueMs: this.#waits.percentiles(),
    }
  }
}
