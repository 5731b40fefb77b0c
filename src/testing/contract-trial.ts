import {
  type BumpReply,
  type Frame,
  isValid,
  type KeyRef,
  markerNames,
  type ReadReply,
  type ReadRequest,
  type SetReply,
  type SharedStore,
  type StoredEntry,
  type WriteReply,
} from '../stores/shared-store.js'

/** A store under test: two connections to it, and what the contract needs to steer it. */
export interface ContractStore {
  readonly one: SharedStore
  readonly two: SharedStore
  /** Lets a call come to its end; needed where time stands still. @defaultValue waits for the call */
  settle?<T>(work: Promise<T>): Promise<T>
  /** Lets time pass in the store, and messages arrive. */
  wait(ms: number): Promise<void>
  /** Loses one thing, as eviction does. `key` is the key whose entry or token it is. */
  evict?(what: Evictable, key: string): Promise<void> | void
  /** Loses everything, as a restart without persistence does; the connections are in order again when it resolves. */
  empty?(): Promise<void>
  /** Ends the subscription of `two`, without ending it for good. */
  cutBus?(): Promise<void> | void
  healBus?(): Promise<void> | void
  close(): Promise<void>
}

/** What a store may lose: an entry, a token, the counter, the log of invalidations, a marker. */
export type Evictable = 'entry' | 'token' | 'control' | 'log' | { readonly marker: string }

/** One promise of the contract, tried on a store. */
export interface Trial {
  readonly name: string
  /** What the store must be able to suffer for it. */
  readonly needs?: 'evict' | 'empty' | 'bus'
  run(trial: TrialStore): Promise<void>
}

/** A store during one trial: calls that settle, about a key that no other trial has. */
export interface TrialStore {
  readonly store: ContractStore
  readonly ref: KeyRef
  settle<T>(work: Promise<T>): Promise<T>
  read(from?: SharedStore, more?: Partial<ReadRequest>): Promise<ReadReply>
  /** Reads, takes the token and writes, as a load does. */
  load(
    tags?: readonly string[],
  ): Promise<{ readonly before: ReadReply; readonly entry: StoredEntry; readonly written: WriteReply }>
  write(entry: StoredEntry, token: string, notAfterMs?: number, lifeMs?: number): Promise<WriteReply>
  set(from: SharedStore, tags?: readonly string[], notAfterMs?: number): Promise<SetReply>
  bump(names: readonly string[], mode?: 'delete' | 'expire', from?: SharedStore): Promise<BumpReply>
  /** An entry of a load that began when `before` was read. */
  entry(before: ReadReply, tags?: readonly string[]): StoredEntry
  /** Whether a reader would serve what the store has. */
  isUsable(from?: SharedStore): Promise<boolean>
  /** Lets time pass until the condition holds, as long as the slowest machine may take, and a little longer. */
  until(holdsNow: () => boolean): Promise<void>
  /** What the second connection hears from here on. */
  listen(): Promise<Heard>
  evict(what: Evictable): Promise<void>
}

/** What a listener was told, in order. */
export interface Heard {
  readonly frames: Frame[]
  readonly events: ('lost' | 'confirmed')[]
}

const MOST_WAIT_MS = 20_000
const STEP_MS = 50
/** Later than any write. */
export const FAR = Number.MAX_SAFE_INTEGER
export const NAMESPACE = 'things'
export const BODY: Uint8Array = new TextEncoder().encode('a value')

/** Prepares a trial; `name` makes its key and ids its own. */
export function createTrialStore(store: ContractStore, name: string): TrialStore {
  const { one, two } = store
  const ref: KeyRef = { key: `hopstash:${NAMESPACE}:v1:${name}`, namespace: NAMESPACE, digest: name }
  const settle = <T>(work: Promise<T>): Promise<T> => {
    // A call may reject while `settle` still moves time on.
    work.catch(() => undefined)
    return store.settle?.(work) ?? work
  }
  let entries = 0
  const trial: TrialStore = {
    store,
    ref,
    settle,
    read: (from = one, more = {}) => settle(from.read({ ...ref, ...more })),
    async load(tags = []) {
      const before = await trial.read(one, { token: 'loading' })
      const entry = trial.entry(before, tags)
      return { before, entry, written: await trial.write(entry, before.token ?? 'no token was taken') }
    },
    write: (entry, token, notAfterMs = FAR, lifeMs = 60_000) =>
      settle(one.write({ ...ref, token, entry, lifeMs, notAfterMs })),
    set: (from, tags = [], notAfterMs = FAR) =>
      settle(from.set({ ...ref, entry: entryOf(++entries, '', 0, 0, tags), lifeMs: 60_000, notAfterMs })),
    bump: (names, mode = 'delete', from = one) => settle(from.bump(names, mode)),
    entry: (before, tags = []) => entryOf(++entries, before.inc, before.seq, before.nowMs, tags),
    async until(holdsNow) {
      for (let waitedMs = 0; !holdsNow() && waitedMs < MOST_WAIT_MS; waitedMs += STEP_MS) await store.wait(STEP_MS)
      // What must not come has a chance to come too.
      await store.wait(STEP_MS)
    },
    async isUsable(from = two) {
      const { entry, inc, markers } = await trial.read(from)
      return entry !== undefined && isValid(entry, markerNames(NAMESPACE, entry.tags), inc, markers)
    },
    async listen() {
      const heard: Heard = { frames: [], events: [] }
      two.subscribe({
        frame: (frame) => void heard.frames.push(frame),
        lost: () => void heard.events.push('lost'),
        confirmed: () => void heard.events.push('confirmed'),
      })
      await trial.until(() => heard.events.length > 0)
      return heard
    },
    evict: async (what) => store.evict?.(what, ref.key),
  }
  return trial
}

// Sixteen ASCII characters: what stores of bytes have room for.
function entryOf(count: number, inc: string, startSeq: number, nowMs: number, tags: readonly string[]): StoredEntry {
  return {
    id: `entry${String(count).padStart(11, '0')}`,
    inc,
    startSeq,
    tags,
    storedAtMs: nowMs,
    freshUntilMs: nowMs + 30_000,
    staleForMs: 5000,
    errorForMs: 7000,
    loadMs: 12,
    body: BODY,
  }
}

/** Throws unless both are equal all through. */
export function same(actual: unknown, expected: unknown, what: string): void {
  const [shown, wanted] = [show(actual), show(expected)]
  if (shown !== wanted) throw new Error(`${what}: expected ${wanted}, received ${shown}`)
}

/** Throws unless `condition` holds. */
export function holds(condition: boolean, what: string): void {
  if (!condition) throw new Error(`${what}: expected it to hold`)
}

function show(value: unknown): string {
  if (value === undefined) return 'undefined'
  return JSON.stringify(value, function (this: Readonly<Record<string, unknown>>, name, part: unknown) {
    // A Buffer has made an object of itself by now.
    const bytes = this[name]
    if (bytes instanceof Uint8Array) return `bytes ${bytes.join(' ')}`
    return part === undefined ? 'undefined' : part
  })
}
