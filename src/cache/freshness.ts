/** What may be done with an entry at an instant. */
export type Freshness = 'fresh' | 'refresh' | 'stale' | 'error-only' | 'dead'

/** The windows of an entry: instants on the monotonic clock, and the lengths of the stale windows behind the ttl, in ms. */
export interface Windows {
  readonly freshUntil: number
  readonly refreshAt: number
  readonly staleForMs: number
  readonly errorForMs: number
}

/** Lengths of an entry's life, ms. */
export interface Lifetime {
  readonly ttlMs: number
  readonly staleWhileRevalidateMs: number
  readonly staleIfErrorMs: number
  /** Share of the ttl after which a read refreshes behind. */
  readonly refreshAhead: number | undefined
}

/** Pure: the windows of a value that was stored at `storedAt`. Both stale windows start when the ttl ends (RFC 5861). */
export function windowsOf(life: Lifetime, storedAt: number): Windows {
  return {
    freshUntil: storedAt + life.ttlMs,
    refreshAt: life.refreshAhead === undefined ? Infinity : storedAt + Math.floor(life.ttlMs * life.refreshAhead),
    staleForMs: life.staleWhileRevalidateMs,
    errorForMs: life.staleIfErrorMs,
  }
}

/** Pure: what may be done with an entry at `now`. */
export function freshnessAt(windows: Windows, now: number): Freshness {
  if (now < windows.freshUntil) return now >= windows.refreshAt ? 'refresh' : 'fresh'
  if (now < windows.freshUntil + windows.staleForMs) return 'stale'
  return now < windows.freshUntil + windows.errorForMs ? 'error-only' : 'dead'
}

/** Pure: a lifetime shortened by up to `jitter` of itself. It is never lengthened, so no promise is broken. */
export function jittered(ttlMs: number, jitter: number, random: number): number {
  return Number.isFinite(ttlMs) ? Math.max(1, Math.ceil(ttlMs * (1 - jitter * random))) : ttlMs
}

/**
 * Pure: whether this read should refresh early, by chance: the nearer the end, and the longer a load takes, the likelier.
 *
 * @see XFetch: Vattani, Chierichetti, Lowenstein, "Optimal Probabilistic Cache Stampede Prevention", VLDB 2015
 */
export function refreshesEarly(now: number, freshUntil: number, loadMs: number, beta: number, random: number): boolean {
  return now - loadMs * beta * Math.log(Math.max(random, Number.MIN_VALUE)) >= freshUntil
}

/** Pure: the first instant at which {@link refreshesEarly} has a chance worth drawing for (under one in a billion before). */
export function earlyRefreshFrom(freshUntil: number, loadMs: number, beta: number): number {
  return freshUntil - Math.ceil(loadMs * beta * 20.8)
}

/** Pure: how long to leave a failing source alone: 1 s, doubling, at most 60 s. */
export function backOffMs(failures: number): number {
  return Math.min(60_000, 1000 * 2 ** Math.min(failures - 1, 16))
}
