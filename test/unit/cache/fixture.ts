import { getEventListeners } from 'node:events'
import type { StashMethods } from '../../../src/cache/build-stash.js'
import type { LoaderContext } from '../../../src/cache/loader.js'
import type { Namespace } from '../../../src/cache/namespace.js'
import type { NamespaceOptions } from '../../../src/cache/namespace-options.js'
import { namespace } from '../../../src/cache/presets.js'
import { createStash } from '../../../src/cache/stash.js'
import type { NamespaceDefinitions, StashOptions } from '../../../src/cache/stash-options.js'
import { createFakeClock, type FakeClock } from '../../../src/testing/fake-clock.js'

export type Things = Namespace<unknown, unknown>

/** A stash of two namespaces in memory, over a clock that stands still. */
export interface Fixture {
  readonly clock: FakeClock
  readonly stash: StashMethods
  readonly things: Things
  readonly others: Things
}

/** Opens a fixture; lifetimes are exact because jitter is off. `options` are those of `things`. */
export function open(
  options: NamespaceOptions<unknown, unknown> = {},
  stashOptions: Omit<StashOptions<NamespaceDefinitions>, 'namespaces'> = {},
): Fixture {
  const clock = createFakeClock()
  const stash = createStash({
    clock,
    ...stashOptions,
    namespaces: {
      things: namespace<unknown, unknown>({ jitter: 0, ...options }),
      others: namespace<unknown, unknown>({ jitter: 0, max: 1000 }),
    },
  })
  return { clock, stash, things: stash.things, others: stash.others }
}

/** A call of a loader that ends when the test says so. */
export interface PendingLoad {
  readonly context: LoaderContext
  resolve(value: unknown): void
  reject(reason: unknown): void
}

/** A loader that records its calls and leaves their end to the test. */
export function createLoads() {
  const calls: PendingLoad[] = []
  const loader = (context: LoaderContext): Promise<unknown> =>
    new Promise((resolve, reject) => {
      calls.push({ context, resolve, reject })
    })
  return { calls, loader, call: (index: number): PendingLoad => calls[index] as PendingLoad }
}

/** A loader that must not be called. */
export function never(): never {
  throw new Error('this loader must not be called')
}

export function abortListeners(signal: AbortSignal): number {
  return getEventListeners(signal, 'abort').length
}

/** Listens for promises that nobody handles, while `run` runs. */
export async function unhandledDuring(run: () => Promise<void>): Promise<unknown[]> {
  const seen: unknown[] = []
  const listener = (reason: unknown): void => void seen.push(reason)
  process.on('unhandledRejection', listener)
  try {
    await run()
    await new Promise((resolve) => setImmediate(resolve))
    await new Promise((resolve) => setImmediate(resolve))
  } finally {
    process.off('unhandledRejection', listener)
  }
  return seen
}
