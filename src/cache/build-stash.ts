import { closed } from '../errors/load-error.js'
import { namespaceUnknown } from '../errors/option-error.js'
import { createKeyer } from '../keys/key.js'
import { Ghost } from '../metrics/ghost.js'
import { channelNamed } from '../runtime/channels.js'
import { type Clock, createSystemClock } from '../runtime/clock.js'
import { namespaceSettings, type Settings } from '../runtime/settings.js'
import { type ByteBudget, createByteBudget, MemoryStore } from '../stores/memory.js'
import { Cells, type Coherence } from './cells.js'
import { createCounters } from './counters.js'
import { About, type Entry } from './entry.js'
import { Fills } from './fills.js'
import { type ForgetReceipt, forgetIn } from './forget.js'
import { clearOptions, dropAll, type InvalidateOptions } from './invalidate.js'
import { endAtClose } from './load.js'
import { Loads } from './loads.js'
import { createNamespace, type Namespace } from './namespace.js'
import type { NamespaceOptions } from './namespace-options.js'
import { CACHE_CHANNEL } from './outcome.js'
import { type Policy, resolvePolicy, withChanges } from './policy.js'
import { presets } from './presets.js'
import { NO_STORE, type Recording, type Requests, resolveMode, whereaboutsOf } from './recording.js'
import { createRegistry, type Registry } from './registry.js'
import { sourcesOf } from './setting-source.js'
import type { SharedTier } from './shared-tier.js'
import type { RequireOption } from './shared-write.js'
import { type AnyDefinition, checkNamespace, type NamespaceDefinitions, type StashOptions } from './stash-options.js'
import { type StashStats, stashStats } from './stash-stats.js'
import type { NamespaceState } from './state.js'
import { subjectMark } from './subject-mark.js'
import { createSweeper } from './sweep.js'
import { clearIn, invalidateTagsIn } from './verbs.js'
import type { MissCause, WriteResult } from './words.js'

export type { StashStats } from './stash-stats.js'

/** What a stash can do beside holding its namespaces. */
export interface StashMethods {
  /** A namespace by name. @throws {OptionError} `ERR_NAMESPACE_UNKNOWN`, with the nearest name */
  namespace(name: string): Namespace
  names(): readonly string[]
  /** Makes every entry with one of the tags a miss, in all namespaces. */
  invalidateTags(tags: readonly string[], options?: InvalidateOptions): Promise<WriteResult>
  /** Empties all namespaces. */
  clear(options?: RequireOption): Promise<WriteResult>
  /**
   * Erases every entry about a subject, as namespaces name it by `subject`: physically, in memory and in the shared store.
   * Loads in flight reach those who wait, and nothing else.
   *
   * @throws {KeyError} `ERR_KEY_UNSUPPORTED` for what cannot be a subject
   * @throws {StoreError} `ERR_STORE_UNCONFIRMED` if the shared store does not confirm: call it again
   */
  forget(subject: string): Promise<ForgetReceipt>
  stats(): StashStats
  health(): StashHealth
  /** Resolves to whether the shared store is there, at the latest after `timeoutMs` (10 s). Nobody has to wait for it. */
  ready(timeoutMs?: number): Promise<boolean>
  /** Every namespace, cached function, hop and pipeline that exists. */
  readonly registry: Registry
  /**
   * Ends background work and gives memory back. Reads still reach their loaders; nothing is kept any more. A shared store
   * that answers is told first what was written and invalidated before, awaited or not: for a second at most.
   */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

const DEFAULT_MAX_BYTES = 64 * 1024 * 1024
const GHOSTS_PER_ENTRY = 2

/** Makes the shared tier of a stash, where it has one. */
export type Connect = (shared: { readonly clock: Clock; readonly coherence: Coherence }) => Connection

/** A shared tier, and what can be said of its store. */
export interface Connection {
  readonly tier: SharedTier
  /** Whether what is stored outlives every lifetime. */
  readonly timeless?: boolean
  /** What can be told of recorded requests. */
  readonly requests?: Requests
  /** What is wrong with the store, if something is. */
  problem?(): string | undefined
  ready(timeoutMs?: number): Promise<boolean>
  health(): StoreHealth
}

/** A connection to a store that tells nothing of itself. */
export function connectionOf(tier: SharedTier): Connection {
  return { tier, ready: async () => true, health: () => ({ kind: 'custom' }) }
}

/** How a shared store is, in words and numbers; never an address with credentials. */
export interface StoreHealth {
  readonly kind: string
  readonly [detail: string]: unknown
}

/** How a stash is. */
export interface StashHealth {
  /** `degraded`: the shared store is away, and memory serves alone. */
  readonly status: 'ok' | 'degraded' | 'closed'
  readonly memory: { readonly entries: number; readonly bytes: number; readonly maxBytes: number }
  readonly store:
    | (StoreHealth & {
        /** The store is not there, also where nobody has asked it for anything; does not answer; or is owed invalidations. */
        readonly away: boolean
        /** Messages of other processes may be missing: every hit is compared with the store. */
        readonly deaf: boolean
        /** Invalidations the store has not been told yet. */
        readonly pending: number
        /** For how long callers have done without it, ms; 0 while it is there. */
        readonly awayMs: number
      })
    | undefined
}

/** Makes a stash of checked options, over a shared tier or in memory alone. */
export function buildStash(
  options: StashOptions<NamespaceDefinitions>,
  environment: Settings,
  connect?: Connect,
): StashMethods {
  const clock = options.clock ?? createSystemClock()
  const coherence: Coherence = { generation: 0, seq: 0 }
  const connection = connect?.({ clock, coherence })
  const site: Site = {
    options,
    environment,
    clock,
    coherence,
    budget: createByteBudget(options.maxBytes ?? DEFAULT_MAX_BYTES),
    registry: createRegistry(),
    connection,
    recording: {
      mode: resolveMode(options.mode, environment, whereaboutsOf(options.store, environment, connect !== undefined)),
      timeless: connection?.timeless === true,
      requests: connection?.requests,
      problem: () => (connect === undefined ? NO_STORE : connection?.problem?.()),
    },
  }
  const states: NamespaceState[] = []
  const namespaces = new Map<string, Namespace>()
  for (const [name, definition] of Object.entries<AnyDefinition>(
    options.namespaces ?? (presets as NamespaceDefinitions),
  )) {
    checkNamespace(name, definition)
    const state = createState(site, name, definition)
    site.connection?.tier.attach(state)
    states.push(state)
    namespaces.set(name, createNamespace(state))
    const { category, labels = [], description } = definition.options
    site.registry.register({ kind: 'namespace', name, category, tags: labels, description })
  }
  return assemble(site, states, namespaces)
}

/** What the namespaces of one stash share. */
interface Site {
  readonly options: StashOptions<NamespaceDefinitions>
  readonly environment: Settings
  readonly clock: Clock
  readonly coherence: Coherence
  readonly budget: ByteBudget
  readonly registry: Registry
  readonly connection: Connection | undefined
  readonly recording: Recording
}

function assemble(site: Site, states: NamespaceState[], namespaces: Map<string, Namespace>): StashMethods {
  const sweeper = createSweeper(site.clock, states)
  const close = async (): Promise<void> => {
    sweeper.stop()
    await writesUnderWay(states)
    await site.connection?.tier.lastWords()
    for (const state of states) closeState(state)
    await site.connection?.tier.close()
  }
  const methods: StashMethods = {
    namespace(name) {
      const found = namespaces.get(name)
      if (found === undefined) throw namespaceUnknown(name, [...namespaces.keys()])
      return found
    },
    names: () => [...namespaces.keys()],
    invalidateTags: (tags, options) => invalidateTagsIn(states, tags, options, true),
    async clear(...given: unknown[]) {
      const hint = 'It empties every namespace: for one call `stash.namespace(name).clear()`.'
      return clearIn(states, clearOptions(given, 'stash.clear()', hint), true)
    },
    forget: (subject) => forgetIn(states, subject),
    stats: () => stashStats(site.budget, namespaces),
    health: () => healthOf(site, states),
    ready: async (timeoutMs) => (await site.connection?.ready(timeoutMs)) ?? true,
    registry: site.registry,
    close,
    [Symbol.asyncDispose]: close,
  }
  return Object.freeze(Object.assign(Object.fromEntries(namespaces), methods))
}

function createState(site: Site, name: string, definition: AnyDefinition): NamespaceState {
  const options: NamespaceOptions<unknown, unknown> = definition.options
  const declared = resolvePolicy(name, options, sourcesOf(definition))
  const said = namespaceSettings(name, site.environment)
  const policy = boundTo(site.budget, withChanges(declared, said, 'environment'))
  const cells = new Cells()
  const fills = new Fills()
  const counters = createCounters()
  const ghost = new Ghost<MissCause>(Math.max(1000, GHOSTS_PER_ENTRY * policy.max))
  const memory = new MemoryStore<Entry>({
    max: policy.max,
    budget: site.budget,
    onRemove: (entry, id, why) => {
      if (entry.about instanceof About) {
        cells.release(entry.about.cells, id)
        // What is on its way for the key is found by the same name.
        if (why !== 'replaced' && entry.about.shared !== undefined && !fills.has(id))
          site.connection?.tier.forget(name, entry.about.shared.digest)
      }
      if (why !== 'evicted') return
      counters.evictions++
      ghost.note(id, 'evicted')
    },
  })
  return {
    name,
    marker: `n/${name}`,
    clock: site.clock,
    channel: channelNamed(CACHE_CHANNEL),
    coherence: site.coherence,
    cells,
    memory,
    loads: new Loads(),
    negatives: new Map(),
    saves: new Map(),
    fills,
    shared: site.connection?.tier,
    counters,
    ghost,
    keyer: createKeyer({
      namespace: name,
      prefix: site.options.prefix,
      secret: site.options.secret,
      text: options.text ?? site.options.text,
      version: options.version,
      parts: options.key,
    }),
    scopeOf: options.scope,
    requireScope: options.requireScope ?? false,
    subjectOf: (subject) => subjectMark(subject, site.options.secret),
    registry: site.registry,
    recording: site.recording,
    live: { policy, closed: false },
    waitUntil(work) {
      try {
        site.options.waitUntil?.(work)
      } catch {
        // Platforms refuse outside of a request; the refresh runs all the same, and the read has its answer.
      }
    },
  }
}

// A value larger than the whole budget would push everything out and then itself.
function boundTo(budget: ByteBudget, policy: Policy): Policy {
  return policy.maxValueBytes <= budget.limitBytes
    ? policy
    : Object.freeze({ ...policy, maxValueBytes: budget.limitBytes })
}

function healthOf(site: Site, states: readonly NamespaceState[]): StashHealth {
  const { connection, budget } = site
  const entries = states.reduce((sum, state) => sum + state.memory.size, 0)
  const memory = { entries, bytes: budget.used, maxBytes: budget.limitBytes }
  const isClosed = states[0]?.live.closed === true
  if (connection === undefined) return { status: isClosed ? 'closed' : 'ok', memory, store: undefined }
  const { link } = connection.tier
  const told = connection.health()
  const away = link.away || told['status'] === 'away'
  const store = { ...told, away, deaf: link.deaf, pending: link.pending.size, awayMs: link.awayMs }
  return { status: isClosed ? 'closed' : away ? 'degraded' : 'ok', memory, store }
}

/** What was loaded and handed out is paid for: a script that ends right after its last answer finds it next time. */
function writesUnderWay(states: readonly NamespaceState[]): Promise<unknown> | undefined {
  const published = states.flatMap((state) => [...state.loads.running].flatMap((load) => load.published ?? []))
  return published.length === 0 ? undefined : Promise.all(published)
}

/** After it nothing is kept: loads under way keep their callers, and refreshes behind end. */
function closeState(state: NamespaceState): void {
  state.live.closed = true
  for (const load of [...state.loads.running]) endAtClose(state, load, closed(`Namespace '${state.name}'`))
  state.fills.voidAll()
  state.loads.clear()
  state.negatives.clear()
  state.saves.clear()
  dropAll(state)
  state.memory.close()
}
