import { lapses, strike, type Visit } from './faults.js'
import { canWake, stepLoad } from './load.js'
import { end, fail, mayRecogniseRun, noticeGap, reachStore, receive, recogniseRun, replayKey, replayNames, subscribeAgain } from './outage.js'
import { awaitsStore, CALLED, ENDED, inFlight, LOAD } from './phases.js'
import { createCell, forget, joinable, mustReplay, voidFlights } from './process.js'
import { kill, markerSeq, putEntry } from './store.js'
import { nextVersion, type Process, type Thread, type World } from './world.js'
import { stepDelete, stepInvalidate, stepSave, stepSet } from './writers.js'

/**
 * Every state that can follow this one. `visit` sees each in turn, in `world` itself, and leaves the state as it was.
 * Returns whether anything but a new fault can happen.
 */
export function expand(world: World, visit: Visit): boolean {
  let alive = false
  const report: Visit = (label, subject) => {
    alive = true
    visit(label, subject)
  }
  world.threads.forEach((thread, index) => {
    const process = world.processes[thread.process]!
    if (thread.state.phase === 0) startCall(world, thread, index, process, report)
    else if (thread.state.phase !== ENDED) advance(world, thread, index, process, report)
  })
  for (const process of world.processes) happenTo(world, process, report)
  world.store.keys.forEach((stored, key) => {
    const late = world.abandoned[key]!
    if (late.version) {
      kill(world, key, false)
      putEntry(stored.entry, late.version, late.startSeq, late.incarnation, 0)
      late.version = late.startSeq = late.incarnation = 0
      report('the write of an abandoned connection executes', key)
    }
    if (world.options.leases && lapses(world, key)) {
      stored.token.id = 0
      report('a lease lapses', key)
    }
  })
  strike(world, visit)
  return alive
}

function startCall(world: World, thread: Thread, index: number, process: Process, report: Visit): void {
  if (world.threads.some((other, at) => at < index && other.state.phase === 0 && isTwin(other, thread))) return
  if (thread.operation === 'L' && world.threads.some((other) => isFlightOf(other, thread))) return
  if (process.state.link && mustReplay(process) && world.guards.replayFirst) return
  begin(world, thread, process)
  if (!process.state.link) fail(world, thread, process)
  report('call', index)
}

/** Calls that nothing tells apart are made in the order in which they are listed. */
export function isTwin(a: Thread, b: Thread): boolean {
  return a.operation === b.operation && a.process === b.process && a.key === b.key
}

function isFlightOf(other: Thread, thread: Thread): boolean {
  return other.process === thread.process && other.key === thread.key && joinable(other)
}

function begin(world: World, thread: Thread, process: Process): void {
  const { operation, key, state } = thread
  const memory = process.held[key]!
  state.phase = CALLED
  state.epoch = process.state.epoch
  switch (operation) {
    case 'L':
      if (process.state.link) state.needed = memory.own
      state.order = lastOrder(world, thread) + 1
      return
    case 'D':
      state.outdates = world.keyFacts[key]!.source = nextVersion(world)
      forget(memory)
      voidFlights(world, process.index, key, world.guards.deleteVoidsSets)
      return
    case 'T':
    case 'C':
      state.outdates = nextVersion(world)
      for (const fact of world.keyFacts) fact.source = state.outdates
      return
    case 'S':
      voidFlights(world, process.index, key, false)
      createCell(world, process)
      return
    case 'W':
      voidFlights(world, process.index, key, false)
  }
}

function lastOrder(world: World, { process, key }: Thread): number {
  let last = 0
  for (const other of world.threads)
    if (other.operation === 'L' && other.process === process && other.key === key && inFlight(other.state.phase))
      last = Math.max(last, other.state.order)
  return last
}

function advance(world: World, thread: Thread, index: number, process: Process, report: Visit): void {
  const { operation, state } = thread
  if (awaitsStore(operation, state.phase)) {
    if (!process.state.link) {
      fail(world, thread, process)
      return report('fails', index)
    }
    if (mustReplay(process) && world.guards.replayFirst) return
  }
  if (operation === 'L' && state.phase === LOAD.follow && !canWake(world, thread)) return
  const next = step(world, thread, process)
  if (next) state.phase = next
  else end(world, thread)
  report('step', index)
}

function step(world: World, thread: Thread, process: Process): number {
  switch (thread.operation) {
    case 'L':
      return stepLoad(world, thread, process)
    case 'D':
      return stepDelete(world, thread, process)
    case 'S':
      return stepSet(world, thread, process)
    case 'W':
      return stepSave(world, thread, process)
    default:
      return stepInvalidate(world, thread, process)
  }
}

/** What happens to a process, beside its calls. */
function happenTo(world: World, process: Process, report: Visit): void {
  const { index, state } = process
  if (state.unread) {
    receive(world, process)
    report('receives a message', index)
  }
  if (!state.subscribed && !state.deaf) {
    noticeGap(world, process)
    report('notices the gap', index)
  }
  if (!state.subscribed && state.link) {
    subscribeAgain(world, process)
    report('is subscribed again', index)
  }
  if (!state.link) {
    reachStore(world, process)
    report('reaches the store again', index)
  }
  if (mayRecogniseRun(process)) {
    recogniseRun(world, process)
    report('sees the new run id', index)
  } else if (state.link) replayOne(world, process, report)
  if (!world.guards.revalidateEntry) revalidateMarkersOnly(world, process, report)
}

function replayOne(world: World, process: Process, report: Visit): void {
  const { index, state, held } = process
  held.forEach((memory, key) => {
    if (!memory.queued) return
    replayKey(world, process, key)
    report('replays a delete', index)
  })
  if (state.queuedTag) {
    replayNames(world, process, world.store.tag)
    report('replays a tag', index)
  }
  if (state.queuedNamespace) {
    replayNames(world, process, world.store.namespace)
    report('replays a clear', index)
  }
}

/** What the guard `revalidateEntry` forbids: memory of an earlier epoch trusted again because its markers allow it. */
function revalidateMarkersOnly(world: World, process: Process, report: Visit): void {
  const { state, held } = process
  held.forEach((memory) => {
    if (!memory.version || memory.unconfirmed || !state.link || memory.epoch >= state.epoch || !world.store.control.incarnation) return
    const markers = [markerSeq(world, world.store.namespace), markerSeq(world, world.store.tag)]
    if (markers.every((seq) => seq && seq <= memory.startSeq)) memory.epoch = state.epoch
    else forget(memory)
    report('re-reads markers only', process.index)
  })
}
