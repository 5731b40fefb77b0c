import type { Keyer } from '../keys/key.js'
import type { Ghost } from '../metrics/ghost.js'
import type { Channel } from '../runtime/channels.js'
import type { Clock } from '../runtime/clock.js'
import type { MemoryStore } from '../stores/memory.js'
import type { Cells, Coherence } from './cells.js'
import type { Counters } from './counters.js'
import type { Entry } from './entry.js'
import type { Load } from './load-record.js'
import type { Policy } from './policy.js'
import type { Registry } from './registry.js'
import type { MissCause } from './words.js'

/** Everything one namespace is made of. The verbs (`read`, `load`, `write`, `invalidate`) are functions over it. */
export interface NamespaceState {
  readonly name: string
  readonly clock: Clock
  readonly channel: Channel
  readonly coherence: Coherence
  readonly cells: Cells
  readonly memory: MemoryStore<Entry>
  readonly loads: Map<string, Load>
  /** Errors that are remembered, by key id. */
  readonly negatives: Map<string, NegativeEntry>
  /** Write-throughs under way, by key id: each save holds a token that any other write takes from it. */
  readonly saves: Map<string, object>
  readonly counters: Counters
  readonly ghost: Ghost<MissCause>
  readonly keyer: Keyer<unknown>
  readonly scopeOf: ((input: unknown) => string | undefined) | undefined
  readonly requireScope: boolean
  readonly registry: Registry
  /** What changes while the namespace lives. Views of it for functions and records share it. */
  readonly live: LiveState
  /** Where background work is reported, so that a platform can wait for it. */
  readonly waitUntil: (work: Promise<unknown>) => void
}

/** The changing part of a namespace. */
export interface LiveState {
  /** Replaced as a whole by `resize`. */
  policy: Policy
  closed: boolean
}

/** A remembered error. */
export interface NegativeEntry {
  readonly error: unknown
  readonly until: number
  readonly generation: number
}
