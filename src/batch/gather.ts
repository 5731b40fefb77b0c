import type { ItemReader } from './item-source.js'

/** Items that will be worked on together. */
export interface Gathered<T> {
  readonly items: readonly T[]
  /** Places of the items among all items, in the same order. */
  readonly indices: readonly number[]
  readonly group: string | undefined
  /** The size that was aimed at. */
  readonly target: number
}

/** What {@link createGatherer} is told. */
export interface GatherPlan<T> {
  readonly reader: ItemReader<T>
  readonly groupBy: ((item: T) => string) | undefined
  /** Whether an earlier run did the item in this place. */
  readonly isDone: (index: number) => boolean
  readonly onRead: (index: number) => void
  readonly onSkip: (index: number) => void
  /** Most items that may wait for others of their group. */
  readonly maxHeld: () => number
}

interface Group<T> {
  readonly name: string | undefined
  items: T[]
  indices: number[]
}

/**
 * Returns a function that reads items until a batch is full, or the source ends.
 *
 * Grouped items wait for others of their group; when as many wait as `maxHeld`, the largest group goes as it is, so that
 * reading ahead stays bounded whatever the order of the items.
 */
export function createGatherer<T>(plan: GatherPlan<T>): (size: number) => Promise<Gathered<T> | undefined> {
  const groups = new Map<string | undefined, Group<T>>()
  let held = 0
  let index = 0
  let ended = false

  const take = (group: Group<T>, target: number): Gathered<T> => {
    const { name } = group
    const items = group.items.splice(0, target)
    const indices = group.indices.splice(0, target)
    if (group.items.length === 0) groups.delete(name)
    held -= items.length
    return { items, indices, group: name, target }
  }
  const keep = (item: T): Group<T> => {
    const name = plan.groupBy === undefined ? undefined : String(plan.groupBy(item))
    let group = groups.get(name)
    if (group === undefined) {
      group = { name, items: [], indices: [] }
      groups.set(name, group)
    }
    group.items.push(item)
    group.indices.push(index)
    held++
    return group
  }

  return async (size) => {
    // The size may have shrunk since a group was begun.
    for (const group of groups.values()) if (group.items.length >= size) return take(group, size)
    while (!ended) {
      const reading = plan.reader.read()
      const next = 'then' in reading ? await reading : reading
      if (next.done === true) {
        ended = true
        break
      }
      if (plan.isDone(index)) {
        plan.onSkip(index++)
        continue
      }
      plan.onRead(index)
      const group = keep(next.value)
      index++
      if (group.items.length >= size) return take(group, size)
      if (held >= Math.max(size, plan.maxHeld())) return take(largest(groups), size)
    }
    for (const group of groups.values()) return take(group, size)
    return undefined
  }
}

function largest<T>(groups: ReadonlyMap<unknown, Group<T>>): Group<T> {
  let found: Group<T> | undefined
  for (const group of groups.values()) {
    if (found === undefined || group.items.length > found.items.length) found = group
  }
  return found as Group<T>
}
