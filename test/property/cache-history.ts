import type { StashMethods } from '../../src/cache/build-stash.js'
import type { Namespace } from '../../src/cache/namespace.js'
import type { NamespaceOptions } from '../../src/cache/namespace-options.js'
import { stateOf } from '../../src/cache/namespace-state.js'
import { namespace } from '../../src/cache/presets.js'
import { createStash } from '../../src/cache/stash.js'
import { createFakeClock, type FakeClock, seededRandom } from '../../src/testing/fake-clock.js'

/** What the source holds: the number of the write that made it, and whose it is. */
export interface Row {
  readonly key: string
  readonly write: number
  /** Makes the row unfreezable in the profile that asks for it, so that readers get copies. */
  readonly extra?: Map<string, number>
}

/** What a profile turns on. */
export interface Profile {
  readonly name: string
  readonly options: NamespaceOptions<Row, string>
  /** Stale values may be served after a soft invalidation. */
  readonly servesStale: boolean
  readonly mutableValues: boolean
  readonly operations: readonly (keyof typeof OPERATIONS)[]
  /** How `change` invalidates. @defaultValue every way */
  readonly ways?: readonly Way[]
  /** Only the first so many keys are used. @defaultValue `4` */
  readonly keys?: number
}

/** A way to say that what is kept is out of date. */
type Way =
  | 'delete'
  | 'delete many'
  | 'tag of the namespace'
  | 'tag of the stash'
  | 'clear'
  | 'clear of the stash'
  | 'expire'
  | 'soft tag'
const WAYS: readonly Way[] = [
  'delete',
  'delete many',
  'tag of the namespace',
  'tag of the stash',
  'clear',
  'clear of the stash',
  'expire',
  'soft tag',
]

/** A stash, its system of record, and what is known of the order of things. */
class World {
  readonly clock: FakeClock
  readonly random: () => number
  readonly stash: StashMethods
  readonly rows: Namespace<Row, string>
  readonly profile: Profile
  /** Those that are read and changed. */
  readonly keys: readonly string[]
  /** `close()` was called. */
  isClosed = false
  /** How often something was invalidated so far. */
  changes = 0
  /** Present row of each key in the system of record. */
  readonly source = new Map<string, Row>()
  /** The order in which the system of record took each write; a write that is not in it was never taken. */
  readonly order = new Map<number, number>()
  /** Reads that start from now on must not see anything older. */
  readonly floors = new Map<string, number>()
  readonly violations: string[] = []
  readonly trace: string[] = []
  readonly pending = new Set<Promise<unknown>>()
  #writes = 0
  #commits = 0

  constructor(profile: Profile, seed: number) {
    this.profile = profile
    this.clock = createFakeClock({ seed })
    this.random = seededRandom(seed)
    const stash = createStash({
      clock: this.clock,
      namespaces: {
        rows: namespace<Row, string>({ jitter: 0, tags: (row) => [groupOf(row.key), 'all'], ...profile.options }),
      },
    })
    this.stash = stash
    this.rows = stash.rows
    this.keys = KEYS.slice(0, profile.keys)
    for (const key of KEYS) this.commit(this.newRow(key))
  }

  newRow(key: string): Row {
    const write = ++this.#writes
    return this.profile.mutableValues ? { key, write, extra: new Map([['write', write]]) } : { key, write }
  }

  /** The system of record takes a row. */
  commit(row: Row): void {
    this.order.set(row.write, ++this.#commits)
    this.source.set(row.key, row)
  }

  /** What is in the source now of these keys was acknowledged. */
  acknowledge(keys: readonly string[]): void {
    for (const key of keys) {
      const commit = this.order.get((this.source.get(key) as Row).write) as number
      this.floors.set(key, Math.max(this.floors.get(key) ?? 0, commit))
    }
  }

  /** Notes what a read must fulfil, and returns what checks its answer. */
  expect(key: string, how: string, atLeast = this.floors.get(key) ?? 0): (row: Row | undefined) => void {
    return (row) => {
      if (row === undefined) return
      const commit = this.order.get(row.write)
      this.note(`${how} ${key} -> write ${row.write}`)
      if (row.key !== key) this.violations.push(`${how} of ${key} got a row of ${row.key}`)
      if (commit === undefined)
        this.violations.push(`${how} of ${key} got write ${row.write}, which was never committed`)
      else if (commit < atLeast)
        this.violations.push(
          `${how} of ${key} got commit ${commit}, though ${atLeast} was acknowledged before it began`,
        )
      if (row.extra !== undefined && row.extra.get('write') !== row.write)
        this.violations.push(`${how} of ${key} got a row that another reader had changed`)
      row.extra?.set('write', -1)
    }
  }

  /** Watches a read that may reject, but for known reasons only. */
  watch(answer: Promise<Row | undefined>, check: (row: Row | undefined) => void): void {
    const watched = answer.then(check, (error: unknown) => {
      const reason = (error as { code?: string; message?: string }).code ?? (error as Error).message
      if (!EXPECTED_ERRORS.includes(reason)) this.violations.push(`rejected with ${reason}`)
    })
    this.pending.add(watched)
    void watched.then(() => this.pending.delete(watched))
  }

  /** A loader that reads the source at its start or some time later, and ends after a random while, or at once. */
  loaderOf(key: string): () => Row | Promise<Row> {
    const delay = this.chance(0.2) ? 0 : this.upTo(40)
    const readsLate = this.chance(0.3)
    const fails = this.chance(0.12)
    return () => {
      const early = copyOf(this.source.get(key) as Row)
      this.note(`loader of ${key} starts with write ${early.write}${fails ? ', will fail' : ''}`)
      if (delay === 0 && !fails) return early
      return this.after(delay).then(() => {
        if (fails) throw new Error('down')
        return readsLate ? copyOf(this.source.get(key) as Row) : early
      })
    }
  }

  after(ms: number): Promise<void> {
    return new Promise((resolve) => this.clock.setTimer(resolve, ms))
  }

  note(text: string): void {
    this.trace.push(`${this.clock.now()} ${text}`)
  }

  chance(share: number): boolean {
    return this.random() < share
  }

  upTo(limit: number): number {
    return Math.floor(this.random() * limit)
  }

  pick<T>(list: readonly T[]): T {
    return list[this.upTo(list.length)] as T
  }
}

const KEYS: readonly string[] = ['a', 'b', 'c', 'd']
const EXPECTED_ERRORS: readonly string[] = ['down', 'left', 'not saved', 'ERR_LOAD_TIMEOUT', 'ERR_LOAD_REENTRANT']

function groupOf(key: string): string {
  return key < 'c' ? 'group 1' : 'group 2'
}

function copyOf(row: Row): Row {
  return row.extra === undefined ? { ...row } : { ...row, extra: new Map(row.extra) }
}

/** Everything that may happen. Each is one step of a schedule. */
const OPERATIONS = {
  read(world: World): void {
    const key = world.pick(world.keys)
    const leaves = world.chance(0.2) ? new AbortController() : undefined
    if (leaves !== undefined) void world.after(world.upTo(50)).then(() => leaves.abort(new Error('left')))
    const options = { ...(leaves && { signal: leaves.signal }), ...(world.chance(0.1) && { noStore: true }) }
    world.watch(world.rows.getOrSet(key, world.loaderOf(key), options), world.expect(key, 'getOrSet'))
  },
  freshRead(world: World): void {
    const key = world.pick(world.keys)
    const present = world.order.get((world.source.get(key) as Row).write) as number
    const atLeast = world.profile.servesStale ? undefined : present
    const check = world.expect(key, 'forceFresh', atLeast)
    world.watch(world.rows.getOrSet(key, world.loaderOf(key), { forceFresh: true }), check)
  },
  look(world: World): void {
    const key = world.pick(world.keys)
    world.expect(key, 'peek')(world.rows.peek(key))
    world.watch(world.rows.get(key), world.expect(key, 'get'))
    world.watch(
      world.rows.getEntry(key).then((entry) => entry?.value),
      world.expect(key, 'getEntry'),
    )
  },
  readMany(world: World): void {
    const keys = [...world.keys].sort(() => world.random() - 0.5).slice(0, 1 + world.upTo(4))
    const loaders = new Map(keys.map((key) => [key, world.loaderOf(key)]))
    const load = async (missing: readonly string[]): Promise<Row[]> => {
      const loaded = await Promise.all(missing.map((key) => loaders.get(key)?.() as Row | Promise<Row>))
      return loaded.sort(() => world.random() - 0.5)
    }
    const checks = keys.map((key) => world.expect(key, 'getOrSetMany'))
    const answer = world.rows.getOrSetMany(keys, load, { by: (row) => row.key, settled: true })
    world.watch(
      answer.then((results) => {
        for (const [index, result] of results.entries()) {
          if (result.status === 'rejected') world.watch(Promise.reject(result.reason), () => undefined)
          else if (result.value === undefined) world.violations.push(`getOrSetMany lost the row of ${keys[index]}`)
          else checks[index]?.(result.value)
        }
        return undefined
      }),
      () => undefined,
    )
  },
  change(world: World): void {
    if (world.isClosed) return
    const key = world.pick(world.keys)
    world.commit(world.newRow(key))
    const hard = {
      delete: () => world.rows.delete(key),
      'delete many': () => world.rows.deleteMany(KEYS.slice(0, 2)),
      'tag of the namespace': () => world.rows.invalidateTags([groupOf(key)]),
      'tag of the stash': () => world.stash.invalidateTags(['other', 'all']),
      clear: () => world.rows.clear(),
      'clear of the stash': () => world.stash.clear(),
    }
    const soft = {
      expire: () => world.rows.expire(key),
      'soft tag': () => world.rows.invalidateTags([groupOf(key)], { mode: 'expire' }),
    }
    const ways: Record<Way, () => unknown> = { ...hard, ...soft }
    const how = world.pick(world.profile.ways ?? WAYS)
    world.changes++
    void ways[how]()
    world.note(`${how}, key ${key}, now write ${world.source.get(key)?.write}`)
    if (how in soft && world.profile.servesStale) return
    if (how === 'delete' || how === 'expire') world.acknowledge([key])
    else if (how === 'delete many') world.acknowledge(KEYS.slice(0, 2))
    else if (how === 'soft tag' || how === 'tag of the namespace')
      world.acknowledge(KEYS.filter((one) => groupOf(one) === groupOf(key)))
    else world.acknowledge(KEYS)
  },
  set(world: World): void {
    if (world.isClosed) return
    const key = world.pick(world.keys)
    const row = world.newRow(key)
    world.commit(row)
    void world.rows.set(key, copyOf(row))
    world.note(`set ${key} to write ${row.write}`)
    world.acknowledge([key])
  },
  writeThrough(world: World): void {
    if (world.isClosed) return
    const key = world.pick(world.keys)
    const row = world.newRow(key)
    const [before, behind] = [world.upTo(20), world.upTo(20)]
    const outcome = world.random()
    const save = async (): Promise<void> => {
      await world.after(before)
      if (outcome < 0.1) throw new Error('not saved')
      world.commit(row)
      world.note(`save of ${key} took write ${row.write}`)
      await world.after(behind)
    }
    const written = world.rows.writeThrough(key, copyOf(row), save).then(() => {
      const commit = world.order.get(row.write) as number
      world.note(`writeThrough of ${key}, write ${row.write}, is acknowledged`)
      world.floors.set(key, Math.max(world.floors.get(key) ?? 0, commit))
      return undefined
    })
    world.watch(written, () => undefined)
  },
  resize(world: World): void {
    world.rows.resize({ max: 1 + world.upTo(5) })
  },
  /** Somebody comes for a moment only: the last to leave may leave while the value arrives. */
  shortVisit(world: World): void {
    const key = world.pick(world.keys)
    const leaves = new AbortController()
    void world.after(world.upTo(40)).then(() => leaves.abort(new Error('left')))
    const answer = world.rows.getOrSet(key, world.loaderOf(key), { signal: leaves.signal })
    world.watch(answer, world.expect(key, 'a short visit'))
  },
  /** A loader that asks for its own key, at once or later. */
  ownKey(world: World): void {
    const key = world.pick(world.keys)
    const load = world.loaderOf(key)
    const [isAtOnce, delay] = [world.chance(0.3), world.upTo(20)]
    const again = () => world.rows.getOrSet(key, load)
    const loader = () => (isAtOnce ? again() : world.after(delay).then(again))
    world.watch(world.rows.getOrSet(key, loader), world.expect(key, 'a loader of its own key'))
  },
  /** Twenty callers of one failing loader: one call, twenty rejections, and nothing of it is kept. */
  failingCrowd(world: World): void {
    const key = world.pick(world.keys)
    if (world.rows.peek(key) !== undefined || stateOf(world.rows).loads.has(key)) return
    let calls = 0
    const delay = world.upTo(30)
    const loader = async (): Promise<Row> => {
      calls++
      await world.after(delay)
      throw new Error('down')
    }
    const before = world.changes
    const crowd = Array.from({ length: 20 }, () => world.rows.getOrSet(key, loader))
    const all = Promise.allSettled(crowd).then((settled) => {
      const rejected = settled.filter(({ status }) => status === 'rejected').length
      if (calls !== 1 && world.changes === before) world.violations.push(`${calls} calls for twenty callers of ${key}`)
      if (rejected !== 20)
        world.violations.push(`${20 - rejected} of twenty callers of ${key} were not told the failure`)
      return undefined
    })
    world.watch(all, () => undefined)
  },
  /** A value that nothing can keep: its caller gets it, and nobody who comes later. */
  unstorable(world: World): void {
    const key = world.pick(world.keys)
    const load = world.loaderOf(key)
    const loader = async (): Promise<Row> => Object.assign(copyOf(await load()), { kept: () => 'never' })
    world.watch(world.rows.getOrSet(key, loader, { forceFresh: true }), world.expect(key, 'unstorable'))
    world.watch(
      world.after(60).then(() => {
        const kept = world.rows.peek(key) as { kept?: unknown } | undefined
        if (kept?.kept !== undefined) world.violations.push(`an unstorable value of ${key} was kept`)
        return undefined
      }),
      () => undefined,
    )
  },
  close(world: World): void {
    if (world.chance(0.8)) return
    void world.stash.close()
    world.isClosed = true
    world.note('closed')
  },
} as const

/** Runs one schedule. Returns what went wrong, with its trace; nothing if all is well. */
export async function runSchedule(profile: Profile, seed: number, steps: number): Promise<readonly string[]> {
  const world = new World(profile, seed)
  for (let step = 0; step < steps && world.violations.length === 0; step++) {
    OPERATIONS[world.pick(profile.operations)](world)
    if (world.chance(0.5)) await world.clock.advance(world.upTo(12))
  }
  for (let round = 0; round < 50 && world.pending.size > 0; round++) await world.clock.advance(100)
  // Refreshes behind have nobody who waits.
  await world.clock.advance(200)
  checkRest(world)
  return world.violations.length === 0 ? [] : [...world.violations, '', ...world.trace.slice(-60)]
}

/** When all is over nothing is left behind. */
function checkRest(world: World): void {
  if (world.violations.length > 0) return
  const { cells, memory, loads, saves, fills } = stateOf(world.rows)
  const tags = new Set<string>()
  for (const [, entry] of memory.entries()) {
    if (typeof entry.about !== 'number') for (const cell of entry.about.cells) tags.add(cell.tag)
  }
  const rest = {
    pending: world.pending.size,
    loads: loads.size,
    inFlight: cells.inFlight,
    saves: saves.size,
    fills: fills.size,
    looseCells: cells.size - tags.size,
    refTimers: world.clock.pendingTimers(true),
  }
  for (const [name, count] of Object.entries(rest))
    if (count !== 0) world.violations.push(`${count} ${name} are left behind`)
}
