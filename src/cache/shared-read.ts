import type { ScopeOption } from './call-options.js'
import { fresh, idForRead } from './entry-view.js'
import type { FoundEntry } from './found-entry.js'
import { beginShared, endShared, readShared } from './shared-load.js'
import { heldInOutage } from './shared-run.js'
import type { NamespaceState, SharedSide } from './state.js'
import { freshnessOf, removeAs, validEntry } from './valid.js'

/** The entry of a key in the nearest tier that has it, whatever its age; `done` is told once, at once if memory has it. */
export function findShared(
  state: NamespaceState,
  tier: SharedSide,
  id: string,
  done: (found: FoundEntry | undefined) => void,
): void {
  // Whoever has been answered by a load of this process finds its value, also while the store is taking it.
  const published = state.loads.get(id)?.published
  if (published === undefined) look(state, tier, id, done)
  else void published.then(() => look(state, tier, id, done))
}

function look(
  state: NamespaceState,
  tier: SharedSide,
  id: string,
  done: (found: FoundEntry | undefined) => void,
): void {
  const held = validEntry(state, id)
  if (held !== undefined) {
    if (freshnessOf(state, held, state.clock.now()) !== 'dead') return void done({ id, entry: held, tier: 'memory' })
    removeAs(state, id, 'expired')
  }
  const flight = beginShared(state, tier, id, 'read')
  readShared(state, tier, id, flight, false, (entry) => {
    const kept = entry === undefined ? heldInOutage(state, tier, id) : undefined
    endShared(state, tier, id, flight)
    if (entry !== undefined) done({ id, entry, tier: 'store' })
    else done(kept && { id, entry: kept, tier: 'memory' })
  })
}

/** The fresh value of a key. */
export function freshOfStore(
  state: NamespaceState,
  tier: SharedSide,
  key: unknown,
  options: ScopeOption | undefined,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const id = idForRead(state, key, options)
    if (id === undefined) return resolve(undefined)
    findShared(state, tier, id, (found) => {
      try {
        resolve(fresh(state, id, found))
      } catch (error) {
        reject(error)
      }
    })
  })
}

/** The fresh values of some keys: one promise for all, and one command where they come from the store. */
export function freshShared(
  state: NamespaceState,
  tier: SharedSide,
  keys: readonly unknown[],
  options: ScopeOption | undefined,
): Promise<unknown[]> {
  return new Promise((resolve, reject) => {
    const values: unknown[] = new Array(keys.length).fill(undefined)
    let left = keys.length
    const settle = (): void => {
      if (--left === 0) resolve(values)
    }
    if (left === 0) resolve(values)
    for (const [index, key] of keys.entries()) {
      const id = idForRead(state, key, options)
      if (id === undefined) settle()
      else {
        findShared(state, tier, id, (found) => {
          try {
            values[index] = fresh(state, id, found)
            settle()
          } catch (error) {
            reject(error)
          }
        })
      }
    }
  })
}
