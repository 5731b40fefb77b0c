import type { StashMethods } from '../../../src/cache/build-stash.js'
import type { NamespaceOptions } from '../../../src/cache/namespace-options.js'
import { namespace } from '../../../src/cache/presets.js'
import type { SharedStore } from '../../../src/stores/shared-store.js'
import { createFakeClock, type FakeClock } from '../../../src/testing/fake-clock.js'
import {
  createSimulatedStore,
  type SimulatedConnection,
  type SimulatedStore,
} from '../../../src/testing/simulated-store.js'
import { createTestStash } from '../../../src/testing/test-stash.js'
import type { Things } from './fixture.js'

/** One process over the simulated store. */
export interface SharedProcess {
  readonly stash: StashMethods
  readonly things: Things
  readonly connection: SimulatedConnection
}

/** Two processes over one simulated store, whose commands take a millisecond each way. */
export interface SharedWorld {
  readonly clock: FakeClock
  readonly store: SimulatedStore
  readonly processes: readonly [SharedProcess, SharedProcess]
  /** Waits for an operation, moving time on as far as it needs. */
  run<T>(work: Promise<T>): Promise<T>
  /** Lets everything on the way arrive. */
  settle(): Promise<void>
}

/** `things` of one process and `others` of another: the same namespace. */
export function openShared(
  options: NamespaceOptions<unknown, unknown> = {},
  adapt: (connection: SimulatedConnection) => SharedStore = (connection) => connection,
): { readonly world: SharedWorld; readonly things: Things; readonly others: Things } {
  const clock = createFakeClock()
  const store = createSimulatedStore({ clock })
  const open = (): SharedProcess => {
    const connection = store.connect()
    const namespaces = { things: namespace<unknown, unknown>({ jitter: 0, ...options }) }
    const stash = createTestStash({ clock, namespaces, store: adapt(connection) })
    return { stash, things: stash.things, connection }
  }
  const processes = [open(), open()] as const
  const settle = async (): Promise<void> => {
    for (let step = 0; step < 10; step++) await turn(clock)
  }
  const world: SharedWorld = {
    clock,
    store,
    processes,
    settle,
    async run(work) {
      let over = false
      const end = (): void => {
        over = true
      }
      work.then(end, end)
      for (let step = 0; step < 1000 && !over; step++) await turn(clock)
      if (!over) throw new Error('not over after a thousand milliseconds')
      return work
    },
  }
  return { world, things: processes[0].things, others: processes[1].things }
}

/** The same, where `others` has stored a value of the key `k`. */
export async function openHolding(value: string, adapt: (connection: SimulatedConnection) => SharedStore) {
  const opened = openShared({}, adapt)
  const { world, others } = opened
  await world.settle()
  await world.run(others.set('k', value))
  await world.settle()
  return opened
}

// Encoding may go through the thread pool: real turns, and a virtual millisecond.
async function turn(clock: FakeClock): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve))
  await clock.advance(1)
}

/** Calls of one method of the first process that wait, before they leave or when their replies have come. */
export interface HeldCalls {
  readonly adapt: (connection: SimulatedConnection) => SharedStore
  hold(): void
  /** Lets the call of this number go; later ones wait as before. */
  release(index: number): void
  /** Lets all go, and holds no more. */
  releaseAll(): void
  count(): number
}

type HeldMethod = 'read' | 'set' | 'write' | 'kill' | 'bump' | 'lease'

/** Holds calls of one method of the first process: `'before'` they leave, or `'after'` their replies have come. */
export function heldCalls(method: HeldMethod, where: 'before' | 'after'): HeldCalls {
  const held: (() => void)[] = []
  let isHolding = false
  let isFirst = true
  const wait = (): Promise<void> | undefined => (isHolding ? new Promise((resolve) => held.push(resolve)) : undefined)
  return {
    adapt(connection) {
      if (!isFirst) return connection
      isFirst = false
      const call = connection[method] as (...request: never[]) => Promise<unknown>
      const holding = async (...request: never[]): Promise<unknown> => {
        if (where === 'before') await wait()
        const reply = await call(...request)
        if (where === 'after') await wait()
        return reply
      }
      return new Proxy(connection as SharedStore, {
        get(target, name: keyof SharedStore) {
          const value: unknown = name === method ? holding : target[name]
          return typeof value === 'function' ? value.bind(target) : value
        },
      })
    },
    hold() {
      isHolding = true
    },
    release: (index) => held[index]?.(),
    releaseAll() {
      isHolding = false
      for (const go of held.splice(0)) go()
    },
    count: () => held.length,
  }
}

/** Holds the messages that come to the first process. */
export function heldMessages(): {
  readonly adapt: (connection: SharedStore) => SharedStore
  hold(): void
  count(): number
} {
  const held: unknown[] = []
  let isHolding = false
  let isFirst = true
  return {
    adapt(store) {
      if (!isFirst) return store
      isFirst = false
      const subscribe = store.subscribe.bind(store)
      store.subscribe = (listener) =>
        subscribe({
          lost: () => listener.lost(),
          confirmed: () => listener.confirmed(),
          frame: (frame) => void (isHolding ? held.push(frame) : listener.frame(frame)),
        })
      return store
    },
    hold() {
      isHolding = true
    },
    count: () => held.length,
  }
}
