import { type Guard, guardsWithout } from './guards.js'
import { createLayout, defineRecord } from './layout.js'
import type { Call } from './scenarios.js'

/** What is explored beside the calls themselves. */
export interface ModelOptions {
  /** Faults that may still strike, at any moment, of any kind. */
  readonly faults: number
  /** A replica may copy the store at any moment, and a fault may bring that copy back. */
  readonly failover: boolean
  /** What processes do when the store comes back under another run id. */
  readonly onStoreRestart: 'distrust' | 'replay'
  /** Loads of a key take turns over the processes. */
  readonly leases: boolean
  readonly removed: readonly Guard[]
}

export const DEFAULTS: ModelOptions = {
  faults: 0,
  failover: false,
  onStoreRestart: 'distrust',
  leases: false,
  removed: [],
}

export const PROCESSES = [0, 1] as const
/** More than the messages that three calls and the replays of two processes can leave unread. */
const INBOX = 10

const control = defineRecord({ incarnation: 'plain', seq: 'plain', logFloor: 'plain', run: 'plain' })
const marker = defineRecord({ incarnation: 'plain', seq: 'plain', logged: 'plain' })
const entry = defineRecord({
  version: 'version',
  startSeq: 'plain',
  incarnation: 'plain',
  bySet: 'plain',
  id: 'entryId',
})
const token = defineRecord({ id: 'token' })
const facts = defineRecord({
  faultsLeft: 'plain',
  incarnations: 'plain',
  copied: 'plain',
  highestSeq: 'plain',
  run: 'plain',
})
const keyFacts = defineRecord({ source: 'version', acknowledged0: 'version', acknowledged1: 'version', loads: 'plain' })
const process = defineRecord({
  link: 'plain',
  subscribed: 'plain',
  deaf: 'plain',
  incarnation: 'plain',
  epoch: 'epoch',
  floor: 'epoch',
  namespaceCell: 'plain',
  hasTagCell: 'plain',
  tagCell: 'plain',
  queuedTag: 'plain',
  queuedNamespace: 'plain',
  recentTag: 'version',
  recentNamespace: 'version',
  returning: 'plain',
  unread: 'plain',
})
const held = defineRecord({
  version: 'version',
  startSeq: 'plain',
  epoch: 'epoch',
  unconfirmed: 'plain',
  must: 'version',
  own: 'version',
  queued: 'plain',
  queuedSet: 'version',
  recent: 'version',
})
const message = defineRecord({ about: 'plain', incarnation: 'plain', seq: 'plain', outdates: 'version' })
const thread = defineRecord({
  phase: 'plain',
  touched: 'plain',
  dirty: 'plain',
  disturbed: 'plain',
  offline: 'plain',
  epoch: 'epoch',
  startSeq: 'plain',
  incarnation: 'plain',
  seenVersion: 'version',
  seenStart: 'plain',
  seenIncarnation: 'plain',
  seenId: 'entryId',
  needed: 'version',
  floorAtRead: 'version',
  namespaceMarker: 'plain',
  tagMarker: 'plain',
  markerIncarnation: 'plain',
  token: 'token',
  version: 'version',
  outdates: 'version',
  joined: 'version',
  accepted: 'plain',
  overwritten: 'plain',
})

type ViewOf<T> = T extends { view: (...args: never[]) => infer V } ? V : never
export type Marker = ViewOf<typeof marker>
export type Entry = ViewOf<typeof entry>
export type Held = ViewOf<typeof held>
export type Message = ViewOf<typeof message>
export interface Process {
  readonly index: number
  readonly state: ViewOf<typeof process>
  /** What memory holds for each key, and what it must not fall behind. */
  readonly held: readonly Held[]
  readonly inbox: readonly Message[]
}
export interface Thread extends Call {
  readonly state: ViewOf<typeof thread>
}
export interface Stored {
  readonly entry: Entry
  readonly token: ViewOf<typeof token>
}

export type World = ReturnType<typeof createWorld>

/** The state of one scenario, and its rules. */
export function createWorld(calls: readonly Call[], options: ModelOptions) {
  const layout = createLayout()
  const keys = calls.some((call) => call.key === 1) ? [0, 1] : [0]
  const durable = () => ({
    control: layout.place(control),
    tag: layout.place(marker),
    namespace: layout.place(marker),
    keys: keys.map((): Stored => ({ entry: layout.place(entry), token: layout.place(token) })),
  })
  const store = durable()
  const copy = options.failover ? durable() : undefined
  const world = {
    options,
    guards: guardsWithout(options.removed),
    store,
    /** The store as a replica last saw it. */
    copy,
    facts: layout.place(facts),
    /** What is true of each key, whatever the store says. */
    keyFacts: keys.map(() => layout.place(keyFacts)),
    /** Writes of abandoned connections that may still execute. */
    abandoned: keys.map(() => layout.place(entry)),
    processes: PROCESSES.map(
      (index): Process => ({
        index,
        state: layout.place(process, index),
        held: keys.map(() => layout.place(held, index)),
        inbox: Array.from({ length: INBOX }, () => layout.place(message)),
      }),
    ),
    threads: calls.map((call): Thread => ({ ...call, state: layout.place(thread, call.process) })),
    positions: layout.positions,
    bytes: new Uint8Array(layout.bytes().buffer, 0, layout.size()),
    words: new Uint32Array(layout.bytes().buffer, 0, layout.size() / 4),
    /** The property that the last step broke, if it broke one. */
    violation: '',
  }
  store.control.incarnation = store.control.seq = store.control.logFloor = 1
  world.facts.faultsLeft = options.faults
  world.facts.incarnations = 1
  world.facts.highestSeq = options.onStoreRestart === 'replay' ? 1 : 0
  for (const fact of world.keyFacts) fact.source = 1
  for (const { state } of world.processes) {
    state.link = state.subscribed = state.incarnation = state.epoch = state.floor = 1
  }
  return world
}

/** The version that nothing has yet: what an invalidation, or a set, is about to make the newest. */
export function nextVersion(world: World): number {
  let newest = 0
  for (const fact of world.keyFacts) newest = Math.max(newest, fact.source)
  return newest + 1
}

/** Somebody was told that his invalidation, or his write, is done. */
export function acknowledge(world: World, process: number, key: number, version: number): void {
  const fact = world.keyFacts[key]!
  if (process === 1 && world.options.onStoreRestart === 'replay')
    fact.acknowledged1 = Math.max(fact.acknowledged1, version)
  else fact.acknowledged0 = Math.max(fact.acknowledged0, version)
}

/**
 * The version that no reader of the store may fall behind. With `replay`, what a process was told before a fail-over
 * binds again once that process has replayed.
 */
export function acknowledgedFloor(world: World, key: number): number {
  const { acknowledged0, acknowledged1 } = world.keyFacts[key]!
  return Math.max(
    world.processes[0]!.state.returning ? 0 : acknowledged0,
    world.processes[1]!.state.returning ? 0 : acknowledged1,
  )
}
