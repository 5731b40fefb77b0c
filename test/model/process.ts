import { inFlight, LOAD } from './phases.js'
import { acknowledgedFloor, type Held, type Process, type Thread, type World } from './world.js'

/** The memory side of the protocol: what a process knows, holds, and still has in flight. */

/** A flight that a new caller joins: nothing has voided it, and its callers do not have their value yet. */
export function joinable({ operation, state }: Thread): boolean {
  return operation === 'L' && inFlight(state.phase) && state.phase < LOAD.ensure && !state.voided
}

/** An incarnation that was not known, in a reply or a message: what was known of the other one is void. */
export function adopt(world: World, process: Process, incarnation: number): void {
  const { state } = process
  if (state.incarnation === incarnation || !world.guards.adopt) return
  state.incarnation = incarnation
  state.epoch++
  if (world.guards.adoptDrops) dropMemory(process)
  if (world.guards.cellsForgotten) {
    state.namespaceCell = 0
    state.tagCell = 0
  }
}

/** Nothing held now, and nothing that a flight of this moment brings, is served again, not even in an outage. */
export function dropMemory({ state, held }: Process): void {
  for (const memory of held) forget(memory)
  state.floor = state.epoch
}

export function forget(memory: Held): void {
  memory.version = memory.startSeq = memory.epoch = memory.unconfirmed = 0
}

/** A reply that carries markers: the cells of this incarnation only ever rise. */
export function learn(world: World, process: Process, incarnation: number, namespace: number, tag: number): void {
  const { state } = process
  adopt(world, process, incarnation)
  if (state.incarnation !== incarnation) return
  state.namespaceCell = Math.max(state.namespaceCell, namespace)
  if (state.hasTagCell || !world.guards.cellsFirst) {
    state.hasTagCell = 1
    state.tagCell = Math.max(state.tagCell, tag)
  }
}

export function createCell(world: World, { state }: Process): void {
  if (world.guards.cellsFirst) state.hasTagCell = 1
}

export function cellsAllow(world: World, { state }: Process, startSeq: number): boolean {
  return !world.guards.cellsCompared || (state.namespaceCell <= startSeq && state.tagCell <= startSeq)
}

/** Loads of the key, and sets where they are meant too: their callers get their values, nobody else does. */
export function voidFlights(world: World, process: number, key: number, sets: boolean): void {
  for (const thread of world.threads) {
    if (thread.process !== process || thread.key !== key || !inFlight(thread.state.phase)) continue
    if (thread.operation === 'L' || (sets && fillsAsSet(thread))) thread.state.voided = 1
  }
}

export function fillsAsSet({ operation }: Thread): boolean {
  return operation === 'S' || operation === 'W'
}

/** An invalidation was processed here since these flights began. */
export function markDirty(world: World, process: number): void {
  for (const { operation, process: owner, state } of world.threads) {
    if (owner === process && operation === 'L' && inFlight(state.phase)) state.dirty = 1
  }
}

/** Fills memory, unless something that the flight cannot have seen came before its reply. */
export function keep(world: World, thread: Thread, process: Process, version: number, startSeq: number): void {
  const { state } = thread
  if (state.voided || state.epoch < process.state.floor || !cellsAllow(world, process, startSeq)) return
  const memory = process.held[thread.key]!
  memory.version = version
  memory.startSeq = startSeq
  memory.epoch = world.guards.epochAtStart ? state.epoch : process.state.epoch
  memory.unconfirmed = 0
}

/** What was loaded, or set, while the store is away: served until the store is back, never after. */
export function keepUnconfirmed(memory: Held, version: number): void {
  memory.version = version
  memory.startSeq = memory.epoch = 0
  memory.unconfirmed = 1
}

/** An answered flight: those begun before it, and sets whose place in the order is unknown, fill nothing. */
export function overtake(world: World, thread: Thread): void {
  if (!world.guards.overtaken) return
  for (const other of world.threads) {
    if (other === thread || other.process !== thread.process || other.key !== thread.key) continue
    if (!inFlight(other.state.phase)) continue
    if (fillsAsSet(other) || (other.operation === 'L' && other.state.order < thread.state.order)) other.state.voided = 1
  }
}

/** From here on this process must not serve an older version: somebody was told so, or the bus said so. */
export function oblige(world: World, process: Process, key: number, version: number, own: boolean): void {
  const memory = process.held[key]!
  const before = own ? memory.own : memory.must
  if (version <= before) return
  if (own) memory.own = version
  if (version > memory.must) memory.must = version
  if (world.guards.lateJoiners) return
  for (const thread of world.threads) {
    if (thread.process === process.index && thread.key === key && joinable(thread) && !thread.state.offline) thread.state.joined = version
  }
}

/** At a gap, and when it ends: all that anybody was told until now. */
export function obligeToAcknowledged(world: World, process: Process): void {
  process.held.forEach((_, key) => oblige(world, process, key, acknowledgedFloor(world, key), false))
}

export function hasQueue({ state, held }: Process): boolean {
  if (state.queuedTag || state.queuedNamespace) return true
  for (const memory of held) if (memory.queued) return true
  return false
}

/** Something comes before any other command of this process. */
export function mustReplay(process: Process): boolean {
  return process.state.returning > 0 || hasQueue(process)
}

/** The version that a memory hit would return now, else 0. */
export function servedVersion(world: World, process: Process, key: number): number {
  const { state } = process
  const memory = process.held[key]!
  if (!memory.version) return 0
  if (!state.link) {
    if (memory.unconfirmed) return memory.version
    return state.namespaceCell <= memory.startSeq && state.tagCell <= memory.startSeq ? memory.version : 0
  }
  if (memory.unconfirmed || (state.deaf && world.guards.deafRevalidates) || memory.epoch !== state.epoch) return 0
  if (!cellsAllow(world, process, memory.startSeq) || hasQueue(process)) return 0
  return memory.version
}

/** What that hit must not be older than: offline, only what this process did itself. */
export function servedFloor({ state, held }: Process, key: number): number {
  const memory = held[key]!
  return state.link ? Math.max(memory.must, memory.own) : memory.own
}
