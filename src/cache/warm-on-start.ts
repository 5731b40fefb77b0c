import { optionInvalid, optionUnknown } from '../errors/option-error.js'
import { type Clock, createSystemClock, MAX_TIMER_MS } from '../runtime/clock.js'
import { type Duration, parseDuration } from '../runtime/duration.js'
import { requireFunction, requireObject } from './argument-checks.js'
import { checkWarmOptions, type WarmItem, type WarmOptions, type WarmSummary } from './warm.js'

/** The part of a namespace that is warmed. */
export interface Warmable<K, V> {
  readonly name: string
  warm(items: readonly WarmItem<K, V>[], options?: WarmOptions): Promise<WarmSummary>
}

/** Options of {@link warmOnStart}. */
export interface WarmOnStartOptions extends Omit<WarmOptions, 'signal'> {
  /** How long after one warm-up has ended the next begins; it loads what is there, too. @defaultValue once only */
  readonly every?: Duration | undefined
  /** Share by which `every` is shortened at random, so that processes do not load in step. @defaultValue `0.1` */
  readonly jitter?: number | undefined
  /** Is told of every warm-up. What it throws is ignored. */
  readonly onDone?: ((summary: WarmSummary) => void) | undefined
  /** Is told when the items could not be had; the next warm-up comes all the same. What it throws is ignored. */
  readonly onError?: ((error: unknown) => void) | undefined
  readonly clock?: Clock | undefined
}

/** A warm-up that goes on. */
export interface WarmUp {
  /** The first one; `undefined` if its items could not be had. Never rejects. */
  readonly first: Promise<WarmSummary | undefined>
  /** Begins no more loads; those under way end. */
  stop(): void
  [Symbol.dispose](): void
}

const OWN = ['every', 'jitter', 'onDone', 'onError', 'clock']
const KNOWN = ['concurrency', 'onProgress', 'refresh', ...OWN]

/**
 * Warms a namespace now, and every so often from then on.
 *
 * Nothing waits for it and nothing it meets fails anybody: a key that cannot be loaded is in the summary. Warm-ups never
 * overlap, and none of them keeps a process alive.
 *
 * @param items What to load, or a function that finds it anew for each warm-up.
 * @throws {OptionError} `ERR_OPTION_INVALID`
 * @example
 * import { createStash, warmOnStart } from 'hopstash'
 * const stash = createStash()
 * const warmUp = warmOnStart(stash.job, () => ['j1', 'j2'].map((key) => ({ key, load: () => ({ id: key }) })), { every: '10m' })
 * const summary = await warmUp.first
 * summary?.loaded // => 2
 * warmUp.stop()
 */
export function warmOnStart<K, V>(
  namespace: Warmable<K, V>,
  items: readonly WarmItem<K, V>[] | (() => readonly WarmItem<K, V>[] | Promise<readonly WarmItem<K, V>[]>),
  options: WarmOnStartOptions = {},
): WarmUp {
  const { every, jitter = 0.1, onDone, onError, clock = createSystemClock(), ...warmOptions } = check(options)
  checkWarmOptions(warmOptions)
  if (typeof namespace?.warm !== 'function') throw optionInvalid('namespace', 'a namespace of a stash', namespace)
  if (typeof items !== 'function' && !Array.isArray(items))
    throw optionInvalid('items', 'an array of `{ key, load }`, or a function that returns one', items)
  const everyMs = every === undefined ? Infinity : parseDuration(every, 'every')
  if (everyMs === 0) throw optionInvalid('every', 'longer than nothing', every)
  const controller = new AbortController()
  let timer: unknown

  const once = async (refresh: boolean): Promise<WarmSummary | undefined> => {
    try {
      const found = typeof items === 'function' ? await items() : items
      const summary = await namespace.warm(found, { refresh, ...warmOptions, signal: controller.signal })
      tell(onDone, summary)
      return summary
    } catch (error) {
      tell(onError, error)
      return undefined
    } finally {
      plan()
    }
  }
  const plan = (): void => {
    if (controller.signal.aborted || everyMs > MAX_TIMER_MS) return
    timer = clock.setTimer(() => void once(true), everyMs * (1 - jitter * clock.random()))
  }
  const stop = (): void => {
    controller.abort()
    clock.clearTimer(timer)
  }
  return { first: once(false), stop, [Symbol.dispose]: stop }
}

function check(options: WarmOnStartOptions): WarmOnStartOptions {
  requireObject(options, 'options', `an object with some of: ${KNOWN.join(', ')}`)
  for (const name of Object.keys(options)) {
    if (!KNOWN.includes(name)) throw optionUnknown('warmOnStart()', name, KNOWN)
  }
  const { jitter, onDone, onError } = options
  if (jitter !== undefined && !(typeof jitter === 'number' && jitter >= 0 && jitter < 1))
    throw optionInvalid('jitter', 'a share from 0 to below 1', jitter)
  if (onDone !== undefined) requireFunction(onDone, 'onDone', 'a function of the summary')
  if (onError !== undefined) requireFunction(onError, 'onError', 'a function of the error')
  return options
}

function tell<T>(listener: ((about: T) => void) | undefined, about: T): void {
  try {
    listener?.(about)
  } catch {
    // Its mistake is not the warm-up's.
  }
}
