import { HopstashError } from '../errors/base-error.js'
import { nameTaken } from '../errors/option-error.js'

/** What can be registered. */
export type RegistryKind = 'namespace' | 'function' | 'hop' | 'pipeline'

/** One thing that exists. */
export interface RegistryItem {
  readonly kind: RegistryKind
  /** Unique within its kind. A function's is `namespace/name`, a hop's `pipeline/name`. */
  readonly name: string
  readonly category: string | undefined
  readonly tags: readonly string[]
  readonly description: string | undefined
}

/** A registry's answer to "what exists here": every namespace, cached function, hop and pipeline. Look-ups are by index. */
export interface Registry {
  /** @throws {OptionError} `ERR_NAME_TAKEN` for a second item of one kind and name, `ERR_CLOSED` once sealed. */
  register(item: Pick<RegistryItem, 'kind' | 'name'> & Partial<RegistryItem>): RegistryItem
  get(kind: RegistryKind, name: string): RegistryItem | undefined
  /** All items, or those of a kind, in the order of their registration. */
  list(kind?: RegistryKind): readonly RegistryItem[]
  byCategory(category: string): readonly RegistryItem[]
  byTag(tag: string): readonly RegistryItem[]
  /** Forgets an item, so that a module that is loaded again may register it anew. */
  remove(kind: RegistryKind, name: string): boolean
  /** Forgets all items. Nothing cached is touched. */
  clear(): void
  /** Refuses further registrations: from here on, what exists is known. */
  seal(): void
  readonly sealed: boolean
}

const IN_A_CLASS =
  'Give it another name; in a class, where every instance would make one, use `@cached.method`, or wrap it once outside.'
const HOT_RELOAD =
  'Where a module is loaded again (hot reload), keep the stash on globalThis, or call registry.remove(kind, name) when the old module is disposed.'

/** Returns an empty registry. */
export function createRegistry(): Registry {
  const items = new Map<string, RegistryItem>()
  const byCategory = new Map<string, Set<RegistryItem>>()
  const byTag = new Map<string, Set<RegistryItem>>()
  let sealed = false

  const unindex = (item: RegistryItem): void => {
    if (item.category !== undefined) drop(byCategory, item.category, item)
    for (const tag of item.tags) drop(byTag, tag, item)
  }

  return {
    register(given) {
      if (sealed) {
        throw new HopstashError(
          `The registry is sealed; the ${given.kind} '${given.name}' came too late. Register it before seal().`,
          {
            code: 'ERR_CLOSED',
            context: { kind: given.kind, name: given.name },
          },
        )
      }
      const id = idOf(given.kind, given.name)
      if (items.has(id)) {
        throw nameTaken(given.kind, given.name, given.kind === 'function' ? `${IN_A_CLASS} ${HOT_RELOAD}` : HOT_RELOAD)
      }
      const { kind, name, category, tags = [], description } = given
      const item: RegistryItem = Object.freeze({ kind, name, category, tags: Object.freeze([...tags]), description })
      items.set(id, item)
      if (item.category !== undefined) add(byCategory, item.category, item)
      for (const tag of item.tags) add(byTag, tag, item)
      return item
    },
    get: (kind, name) => items.get(idOf(kind, name)),
    list: (kind) => [...items.values()].filter((item) => kind === undefined || item.kind === kind),
    byCategory: (category) => [...(byCategory.get(category) ?? [])],
    byTag: (tag) => [...(byTag.get(tag) ?? [])],
    remove(kind, name) {
      const item = items.get(idOf(kind, name))
      if (item === undefined) return false
      unindex(item)
      return items.delete(idOf(kind, name))
    },
    clear() {
      items.clear()
      byCategory.clear()
      byTag.clear()
    },
    seal() {
      sealed = true
    },
    get sealed() {
      return sealed
    },
  }
}

function idOf(kind: RegistryKind, name: string): string {
  return `${kind}\u0000${name}`
}

function add(index: Map<string, Set<RegistryItem>>, key: string, item: RegistryItem): void {
  const set = index.get(key)
  if (set === undefined) index.set(key, new Set([item]))
  else set.add(item)
}

function drop(index: Map<string, Set<RegistryItem>>, key: string, item: RegistryItem): void {
  const set = index.get(key)
  set?.delete(item)
  if (set?.size === 0) index.delete(key)
}
