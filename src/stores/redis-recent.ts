import type { Clock } from '../runtime/clock.js'
import type { KeyRef } from './shared-store.js'

/** An invalidation this process has sent. A set is remembered as a delete: no value is kept. */
export type RecentInvalidation =
  | { readonly kind: 'key'; readonly ref: KeyRef }
  | { readonly kind: 'names'; readonly names: readonly string[]; readonly mode: 'delete' | 'expire' }

/** What a store that came back with older data has to be told again. */
export interface RecentInvalidations {
  add(invalidation: RecentInvalidation): void
  /** Those of the last ten minutes. */
  list(): readonly RecentInvalidation[]
}

const KEPT_MS = 600_000
const MOST = 10_000
const MOST_NAMES = 100_000

/**
 * Returns the memory of one process's own invalidations: ten minutes, at most 10,000 of 100,000 names together. What is
 * pushed out before its time becomes an invalidation of its namespace, so that none is lost.
 */
export function createRecentInvalidations(clock: Clock): RecentInvalidations {
  const byId = new Map<string, { readonly at: number; readonly what: RecentInvalidation }>()

  let names = 0

  const drop = (id: string): void => {
    const before = byId.get(id)
    if (before !== undefined) names -= namesOf(before.what)
    byId.delete(id)
  }
  const remember = (what: RecentInvalidation): void => {
    const id = idOf(what)
    drop(id)
    byId.set(id, { at: clock.now(), what })
    names += namesOf(what)
  }
  const prune = (): void => {
    const oldest = clock.now() - KEPT_MS
    for (const [id, { at }] of byId) {
      if (at >= oldest) break
      drop(id)
    }
  }
  const isTooMuch = (): boolean => byId.size > MOST || names > MOST_NAMES

  return {
    add(what) {
      remember(what)
      if (!isTooMuch()) return
      prune()
      if (!isTooMuch()) return
      const wide = new Set<string>()
      for (const { what: old } of byId.values()) for (const name of widened(old)) wide.add(name)
      byId.clear()
      names = 0
      remember({ kind: 'names', names: wide.has('*') ? ['*'] : [...wide], mode: 'delete' })
    },
    list() {
      prune()
      return [...byId.values()].map(({ what }) => what)
    },
  }
}

function namesOf(what: RecentInvalidation): number {
  return what.kind === 'key' ? 0 : what.names.length
}

function idOf(what: RecentInvalidation): string {
  return what.kind === 'key' ? `k${what.ref.key}` : `n${what.mode}${what.names.join('\u0000')}`
}

function widened(what: RecentInvalidation): string[] {
  if (what.kind === 'key') return [`n/${what.ref.namespace}`]
  return what.names.map((name) => {
    if (!name.startsWith('t/')) return name
    const namespace = name.slice(2, name.indexOf('/', 2))
    return namespace === '' ? '*' : `n/${namespace}`
  })
}
