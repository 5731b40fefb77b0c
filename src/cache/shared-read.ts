import type { ScopeOption } from './call-options.js'
import { fresh, idForRead } from './entry-view.js'
import { findShared } from './find-shared.js'
import type { NamespaceState, SharedSide } from './state.js'

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
