import { optionInvalid, optionUnknown } from '../errors/option-error.js'
import { tell } from '../runtime/tell.js'
import { requireArray, requireBoolean, requireFunction, requireObject, requireSignal } from './argument-checks.js'
import type { Loader } from './loader.js'
import { getOrSet } from './read.js'
import type { NamespaceState } from './state.js'

/** One key to warm. */
export interface WarmItem<K, V> {
  readonly key: K
  readonly load: Loader<V, K>
  /** Higher goes first. @defaultValue `0` */
  readonly priority?: number | undefined
}

/** Options of a warm-up. */
export interface WarmOptions {
  /** Loads at once. @defaultValue `4` */
  readonly concurrency?: number | undefined
  /** Stops starting loads; those under way end. */
  readonly signal?: AbortSignal | undefined
  /** What it throws is ignored. */
  readonly onProgress?: ((progress: WarmProgress) => void) | undefined
  /** Load also what is there and fresh, and replace it. @defaultValue `false` */
  readonly refresh?: boolean | undefined
}

/** How far a warm-up has come. */
export interface WarmProgress {
  readonly total: number
  readonly done: number
  readonly failed: number
}

/** What a warm-up did. It never rejects for a key that failed. */
export interface WarmSummary extends WarmProgress {
  /** Keys that had to be loaded. */
  readonly loaded: number
  /** Keys left out because the signal aborted. */
  readonly skipped: number
  readonly durationMs: number
  readonly errors: readonly unknown[]
}

const MAX_ERRORS = 20
const OPTION_NAMES = ['concurrency', 'signal', 'onProgress', 'refresh']

/** Loads keys ahead of their first reader, most important first. */
export async function warm(
  state: NamespaceState,
  items: readonly WarmItem<unknown, unknown>[],
  options: WarmOptions = {},
): Promise<WarmSummary> {
  const whose = `for namespace '${state.name}'`
  requireArray(items, 'items', `an array of \`{ key, load, priority? }\` ${whose}`)
  for (const [index, item] of items.entries()) {
    requireObject(item, `items[${index}]`, `an object with \`key\` and \`load\` ${whose}`)
    requireFunction(item.load, `items[${index}].load`, `a function that computes the value ${whose}`)
    const { priority = 0 } = item
    if (typeof priority !== 'number' || Number.isNaN(priority))
      throw optionInvalid(`items[${index}].priority`, `a number ${whose}`, priority)
  }
  checkWarmOptions(options)
  const { concurrency = 4, signal, onProgress, refresh = false } = options
  const startedAt = state.clock.now()
  // On first use: most programs warm nothing, and every package costs start-up time.
  const { default: pLimit } = await import('p-limit')
  const limit = pLimit(concurrency)
  const ordered = [...items].sort((a, b) => (b.priority ?? 0) - (a.priority ?? 0))
  const tally = { total: items.length, done: 0, failed: 0, loaded: 0, skipped: 0 }
  const errors: unknown[] = []

  const warmOne = async (item: WarmItem<unknown, unknown>): Promise<void> => {
    if (signal?.aborted) {
      tally.skipped++
      return
    }
    try {
      await getOrSet(
        state,
        item.key,
        (context) => {
          tally.loaded++
          return item.load(context)
        },
        refresh ? { forceFresh: true } : undefined,
      )
      tally.done++
    } catch (error) {
      tally.failed++
      if (errors.length < MAX_ERRORS) errors.push(error)
    }
    if (onProgress !== undefined) tell(onProgress, { total: tally.total, done: tally.done, failed: tally.failed })
  }

  await Promise.all(ordered.map((item) => limit(warmOne, item)))
  return { ...tally, durationMs: state.clock.now() - startedAt, errors }
}

/** @throws {OptionError} `ERR_OPTION_INVALID` */
export function checkWarmOptions(options: WarmOptions): void {
  requireObject(options, 'options', `an object with some of: ${OPTION_NAMES.join(', ')}`)
  for (const name of Object.keys(options)) {
    if (!OPTION_NAMES.includes(name)) throw optionUnknown('the warm options', name, OPTION_NAMES)
  }
  const { concurrency = 1, signal, onProgress, refresh } = options
  if (!Number.isInteger(concurrency) || concurrency < 1)
    throw optionInvalid('concurrency', 'a whole number from 1', concurrency)
  requireSignal(signal)
  requireBoolean(refresh, 'refresh')
  if (onProgress !== undefined) requireFunction(onProgress, 'onProgress', 'a function of the progress')
}
