import { inFlight, LOAD } from './phases.js'
import { acknowledgedFloor, type Held, type Process, type Thread, type World } from './world.js'

/** The memory side of the protocol: what a process knows, holds, and still has in flight. */

/**
 * A flight that a new caller may share: nothing that concerns the key, or may concern it, was heard here since it
 * began, and no gap began or ended. Other callers wait until it is over, and then read again.
 */
export function shareable(world: World, { operation, state }: Thread, process: Process): boolean {
  if (operation !== 'L' || !inFlight(state.phase) || state.touched) return false
  if (!world.guards.lateJoiners) return true
  return !state.dirty && state.epoch === process.state.epoch && !(state.offline && process.state.link)
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

/** A tag's cell is dropped as soon as nothing points at it: the model forgets as early as the rule allows. */
export function releaseCells(world: World): void {
  const { guards } = world
  if (!guards.cellsFirst) return
  for (const process of world.processes) {
    const { state, held } = process
    if (!state.hasTagCell || (guards.cellsHeld && held.some((memory) => memory.version))) continue
    if (world.threads.some((thread) => thread.process === process.index && pointsAtCell(thread))) continue
    state.hasTagCell = state.tagCell = 0
  }
}

/** A flight that knows its tags holds their cells from before its marker read until it has filled memory. */
function pointsAtCell(thread: Thread): boolean {
  const { phase, seenVersion } = thread.state
  if (!inFlight(phase)) return false
  if (fillsAsSet(thread)) return true
  return thread.operation === 'L' && ((phase === LOAD.markersReply && seenVersion > 0) || phase >= LOAD.ensure)
}

export function cellsAllow(world: World, { state }: Process, startSeq: number): boolean {
  return !world.guards.cellsCompared || (state.namespaceCell <= startSeq && state.tagCell <= startSeq)
}

/**
 * Something about the key was answered, heard or begun here: whatever else is in flight for it gives its callers their
 * value, and fills memory with nothing.
 */
export function touch(world: World, process: Process, key: number, cause?: Thread): void {
  for (const thread of world.threads) {
    if (thread === cause || thread.process !== process.index || thread.key !== key) continue
    if (inFlight(thread.state.phase) && (thread.operation === 'L' || fillsAsSet(thread))) thread.state.touched = 1
  }
}

export function fillsAsSet({ operation }: Thread): boolean {
  return operation === 'S' || operation === 'W'
}

/** An invalidation was processed here since these flights began. */
export function markDirty(world: World, process: number): void {
  for (const { operation, process: owner, state } of world.threads) {
    if (owner === process && 'LS'.includes(operation) && inFlight(state.phase)) state.dirty = 1
  }
}

/** An answer replaces what memory has: by its value if nothing came between, else by nothing. */
export function fill(world: World, thread: Thread, process: Process, version: number, startSeq: number): void {
  const { state, key } = thread
  const { guards } = world
  const memory = process.held[key]!
  if (!state.touched || guards.touchedEmpties) forget(memory)
  if (state.touched && guards.touchedFillsNothing) return
  if (state.epoch < process.state.floor || !cellsAllow(world, process, startSeq)) return
  memory.version = version
  memory.startSeq = startSeq
  memory.epoch = guards.epochAtStart ? state.epoch : process.state.epoch
}

/** What was loaded, or set, while the store is away: served until the store is back, never after. */
export function keepUnconfirmed(memory: Held, version: number): void {
  memory.version = version
  memory.startSeq = memory.epoch = 0
  memory.unconfirmed = 1
}

/** From here on this process must not serve an older version: somebody was told so, or the bus said so. */
export function oblige(world: World, process: Process, key: number, version: number, own: boolean): void {
  const memory = process.held[key]!
  const before = own ? memory.own : memory.must
  if (version <= before) return
  if (own) memory.own = version
  if (version > memory.must) memory.must = version
  for (const thread of world.threads) {
    if (thread.process !== process.index || thread.key !== key || !shareable(world, thread, process)) continue
    if (process.state.link || own) thread.state.joined = version
  }
}

/** At a gap, and when it ends: all that anybody was told until now. */
export function obligeToAcknowledged(world: World, process: Process): void {
  for (let key = 0; key < process.held.length; key++) oblige(world, process, key, acknowledgedFloor(world, key), false)
}

function hasQueue({ state, held }: Process): boolean {
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

/**
 * What that hit must not be older than. While the store is away only what this process did itself binds, and while it
 * is deaf a hit is as good as a read of the store.
 */
export function servedFloor(world: World, { state, held }: Process, key: number): number {
  const { must, own } = held[key]!
  if (!state.link) return own
  return Math.max(must, own, state.deaf ? acknowledgedFloor(world, key) : 0)
}
