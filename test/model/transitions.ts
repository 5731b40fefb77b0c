import { lapses, strike, type Visit } from './faults.js'
import { canWake, stepLoad } from './load.js'
import {
  end,
  fail,
  mayRecogniseRun,
  noticeGap,
  reachStore,
  receive,
  recogniseRun,
  replayKey,
  replayNames,
  subscribeAgain,
} from './outage.js'
import { awaitsStore, CALLED, ENDED, LOAD } from './phases.js'
import { createCell, forget, mustReplay, releaseCells, shareable } from './process.js'
import { clear, kill, markerSeq, putEntry } from './store.js'
import { nextVersion, type Process, type Thread, type World } from './world.js'
import { stepDelete, stepInvalidate, stepSave, stepSet } from './writers.js'

/**
 * Returns a function that goes through every state that can follow the present one: `visit` sees each in turn, in
 * `world` itself, and leaves the present one there. It says whether anything but a new fault can happen.
 */
export function createExpansion(world: World, visit: Visit): () => boolean {
  let alive = false
  const see: Visit = (label, subject) => {
    releaseCells(world)
    visit(label, subject)
  }
  const report: Visit = (label, subject) => {
    alive = true
    see(label, subject)
  }
  return () => {
    alive = false
    for (let index = 0; index < world.threads.length; index++) {
      const thread = world.threads[index]!
      const process = world.processes[thread.process]!
      if (thread.state.phase === 0) startCall(world, thread, index, process, report)
      else if (thread.state.phase !== ENDED) advance(world, thread, index, process, report)
    }
    for (const process of world.processes) happenTo(world, process, report)
    for (let key = 0; key < world.store.keys.length; key++) happenToKey(world, key, report)
    strike(world, see)
    return alive
  }
}

/** What happens in the store by itself. */
function happenToKey(world: World, key: number, report: Visit): void {
  const stored = world.store.keys[key]!
  const late = world.abandoned[key]!
  if (late.version) {
    kill(world, key, false)
    putEntry(world, stored.entry, late.version, late.startSeq, late.incarnation, 0)
    clear(late)
    report('the write of an abandoned connection executes', key)
  }
  if (world.options.leases && lapses(world, key)) {
    stored.token.id = 0
    report('a lease lapses', key)
  }
}

function startCall(world: World, thread: Thread, index: number, process: Process, report: Visit): void {
  if (world.threads.some((other, at) => at < index && other.state.phase === 0 && isTwin(other, thread))) return
  if (thread.operation === 'L' && world.threads.some((other) => isFlightOf(world, other, thread, process))) return
  if (process.state.link && mustReplay(process) && world.guards.replayFirst) return
  begin(world, thread, process)
  if (!process.state.link) fail(world, thread, process)
  report('call', index)
}

/** Calls that nothing tells apart are made in the order in which they are listed. */
export function isTwin(a: Thread, b: Thread): boolean {
  return a.operation === b.operation && a.process === b.process && a.key === b.key
}

function isFlightOf(world: World, other: Thread, thread: Thread, process: Process): boolean {
  return other.process === thread.process && other.key === thread.key && shareable(world, other, process)
}

function begin(world: World, thread: Thread, process: Process): void {
  const { operation, key, state } = thread
  const memory = process.held[key]!
  state.phase = CALLED
  state.epoch = process.state.epoch
  switch (operation) {
    case 'L':
      if (process.state.link) state.needed = memory.own
      return
    case 'D':
      state.outdates = world.keyFacts[key]!.source = nextVersion(world)
      return
    case 'T':
    case 'C':
      state.outdates = nextVersion(world)
      for (const fact of world.keyFacts) fact.source = state.outdates
      return
    case 'S':
      createCell(world, process)
  }
}

function advance(world: World, thread: Thread, index: number, process: Process, report: Visit): void {
  const { operation, state } = thread
  if (awaitsStore(operation, state.phase)) {
    if (!process.state.link) {
      fail(world, thread, process)
      report('fails', index)
      return
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
    if (
      !memory.version ||
      memory.unconfirmed ||
      !state.link ||
      memory.epoch >= state.epoch ||
      !world.store.control.incarnation
    )
      return
    const markers = [markerSeq(world, world.store.namespace), markerSeq(world, world.store.tag)]
    if (markers.every((seq) => seq && seq <= memory.startSeq)) memory.epoch = state.epoch
    else forget(memory)
    report('re-reads markers only', process.index)
  })
}
