/** Handle of a timer; opaque, so that a browser's number and a fake clock's object fit too. */
export type TimerHandle = unknown

/**
 * Time as the package sees it. Everything that waits or measures takes one, so that tests need no sleeping.
 *
 * `now` and `coarse` share one monotonic scale in whole milliseconds since the clock was made.
 */
export interface Clock {
  /** Exact monotonic time, ms with a fraction. */
  now(): number
  /** Monotonic time for freshness checks: whole ms, up to {@link COARSE_STEP_MS} late, a few nanoseconds to read. */
  coarse(): number
  /** Wall clock, ms since the epoch: for what people read, never for decisions. */
  wall(): number
  /** A number in [0, 1) for jitter. */
  random(): number
  /** Runs `callback` once after `ms`; the timer keeps the process alive only with `ref`. */
  setTimer(callback: () => void, ms: number, ref?: boolean): TimerHandle
  clearTimer(handle: TimerHandle): void
}

/** How late {@link Clock.coarse} may be, in ms, beside a blocked event loop. */
export const COARSE_STEP_MS = 20
/** Timers starve while only microtasks run, so the exact time is read again after so many coarse readings. */
const READS_PER_STEP = 256
/** Node fires a longer timer at once; a timer that long is re-armed by whoever needs it. */
export const MAX_TIMER_MS = 2_147_483_647

interface NodeTimer {
  unref?(): void
  refresh?(): void
}

/**
 * Returns the real clock.
 *
 * The coarse reading costs one decrement: a timer, armed only while readings happen and never keeping the process
 * alive, marks it for renewal every {@link COARSE_STEP_MS}.
 */
export function createSystemClock(): Clock {
  const origin = performance.now()
  let coarseMs = 0
  let readsLeft = 0
  let armed = false
  let timer: NodeTimer | undefined

  const expire = (): void => {
    readsLeft = 0
    armed = false
  }
  const renew = (): number => {
    coarseMs = Math.floor(performance.now() - origin)
    readsLeft = READS_PER_STEP
    if (!armed) {
      armed = true
      if (timer?.refresh !== undefined) timer.refresh()
      else {
        timer = setTimeout(expire, COARSE_STEP_MS) as unknown as NodeTimer
        timer.unref?.()
        if (timer.refresh === undefined) timer = undefined
      }
    }
    return coarseMs
  }

  return {
    now: () => performance.now() - origin,
    coarse: () => (--readsLeft > 0 ? coarseMs : renew()),
    wall: () => Date.now(),
    random: () => Math.random(),
    setTimer(callback, ms, ref = false) {
      const handle = setTimeout(callback, Math.min(ms, MAX_TIMER_MS)) as unknown as NodeTimer
      if (!ref) handle.unref?.()
      return handle
    },
    clearTimer(handle) {
      clearTimeout(handle as Parameters<typeof clearTimeout>[0])
    },
  }
}
