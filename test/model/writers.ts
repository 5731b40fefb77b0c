import { DELETE, INVALIDATE, SAVE, SET } from './phases.js'
import { createCell, fill, fillsAsSet, forget, keepUnconfirmed, learn, markDirty, oblige, touch } from './process.js'
import {
  aboutKey,
  bump,
  disturb,
  ensureControl,
  ensureMarker,
  freshToken,
  kill,
  markerSeq,
  noteKeyWrite,
  publish,
  putEntry,
} from './store.js'
import { acknowledge, nextVersion, type Process, type Thread, type World } from './world.js'

/** One step of a delete, a set, an invalidation or a write through. Returns the next phase, or `0` when it is over. */
export function stepDelete(world: World, thread: Thread, process: Process): number {
  const { key, state } = thread
  if (state.phase === DELETE.kill) {
    disturb(world, key)
    kill(world, key, world.guards.deleteTakesToken)
    return DELETE.publish
  }
  if (state.phase === DELETE.publish) {
    ensureControl(world)
    publish(world, aboutKey(key), 0, state.outdates, process.index)
    return DELETE.reply
  }
  acknowledge(world, process.index, key, state.outdates)
  if (world.guards.deleteTouches) {
    forget(process.held[key]!)
    touch(world, process, key)
  }
  remember(world, process, key, state.outdates)
  oblige(world, process, key, state.outdates, true)
  return 0
}

export function stepSet(world: World, thread: Thread, process: Process): number {
  const { key, state } = thread
  switch (state.phase) {
    case SET.stamp: {
      stamp(world, thread)
      state.version = world.keyFacts[key]!.source = nextVersion(world)
      return SET.write
    }
    case SET.write: {
      createCell(world, process)
      learn(world, process, state.incarnation, state.namespaceMarker, state.tagMarker)
      if (state.overwritten) state.version = world.keyFacts[key]!.source = nextVersion(world)
      const stored = world.store.keys[key]!
      disturb(world, key)
      putEntry(world, stored.entry, state.version, state.startSeq, state.incarnation, 1)
      if (world.guards.setTakesToken) stored.token.id = 0
      noteKeyWrite(world, key)
      state.overwritten = state.namespaceMarker = state.tagMarker = 0
      return SET.publish
    }
    case SET.publish:
      ensureControl(world)
      publish(world, aboutKey(key), 0, state.version, process.index)
      return SET.reply
    default:
      return settleWrite(world, thread, process)
  }
}

/** `CTL; ENSURE`: what is written from here on is not older than this seq. */
function stamp(world: World, { state }: Thread): void {
  const { control, namespace, tag } = world.store
  ensureControl(world)
  ensureMarker(world, namespace, control.seq)
  ensureMarker(world, tag, control.seq)
  state.startSeq = control.seq
  state.incarnation = control.incarnation
  state.namespaceMarker = markerSeq(world, namespace)
  state.tagMarker = markerSeq(world, tag)
}

function settleWrite(world: World, thread: Thread, process: Process): number {
  const { key, state } = thread
  acknowledge(world, process.index, key, state.version)
  if (thread.operation === 'S' || state.accepted) fill(world, thread, process, state.version, state.startSeq)
  else forget(process.held[key]!)
  if (thread.operation === 'W' ? world.guards.saveTouches : world.guards.setTouches) touch(world, process, key, thread)
  remember(world, process, key, state.version)
  oblige(world, process, key, state.version, true)
  return 0
}

export function stepInvalidate(world: World, thread: Thread, process: Process): number {
  const { operation, state } = thread
  const { store } = world
  if (state.phase === INVALIDATE.bump) {
    bump(
      world,
      operation === 'O' ? undefined : operation === 'T' ? store.tag : store.namespace,
      state.outdates,
      process.index,
    )
    state.startSeq = store.control.seq
    state.incarnation = store.control.incarnation
    return operation === 'O' ? 0 : INVALIDATE.reply
  }
  learn(
    world,
    process,
    state.incarnation,
    operation === 'C' ? state.startSeq : 0,
    operation === 'T' ? state.startSeq : 0,
  )
  markDirty(world, process.index)
  if (world.options.onStoreRestart === 'replay')
    process.state[operation === 'T' ? 'recentTag' : 'recentNamespace'] = state.outdates
  process.held.forEach((_, key) => {
    acknowledge(world, process.index, key, state.outdates)
    oblige(world, process, key, state.outdates, true)
  })
  return 0
}

/** A load whose loader is the save, and which leaves no entry if its write is refused. */
export function stepSave(world: World, thread: Thread, process: Process): number {
  const { key, state } = thread
  const stored = world.store.keys[key]!
  switch (state.phase) {
    case SAVE.takeToken:
      if (!stored.token.id) stored.token.id = freshToken(world)
      state.token = stored.token.id
      return SAVE.stamp
    case SAVE.stamp:
      stamp(world, thread)
      return SAVE.save
    case SAVE.save:
      createCell(world, process)
      learn(world, process, state.incarnation, state.namespaceMarker, state.tagMarker)
      state.version = world.keyFacts[key]!.source = nextVersion(world)
      return SAVE.ensure
    case SAVE.ensure: {
      const { startSeq, incarnation } = state
      stamp(world, thread)
      state.markerIncarnation = state.incarnation
      state.startSeq = startSeq
      state.incarnation = incarnation
      return SAVE.write
    }
    case SAVE.write:
      return writeSaved(world, thread, process)
    case SAVE.settle:
      disturb(world, key)
      kill(world, key)
      return SAVE.publish
    case SAVE.publish:
      ensureControl(world)
      publish(world, aboutKey(key), 0, state.version, process.index)
      return SAVE.reply
    default:
      return settleWrite(world, thread, process)
  }
}

function writeSaved(world: World, thread: Thread, process: Process): number {
  const { key, state } = thread
  const { entry, token } = world.store.keys[key]!
  learn(world, process, state.markerIncarnation, state.namespaceMarker, state.tagMarker)
  const born =
    state.markerIncarnation === state.incarnation &&
    state.namespaceMarker <= state.startSeq &&
    state.tagMarker <= state.startSeq
  state.namespaceMarker = state.tagMarker = state.markerIncarnation = 0
  state.accepted = born && (token.id === state.token || !world.guards.saveToken) ? 1 : 0
  if (!state.accepted) return world.guards.saveRefusedDeletes ? SAVE.settle : SAVE.publish
  if (entry.bySet && entry.version > state.version)
    world.violation = `S4 v${entry.version} overwritten by a save of v${state.version}`
  disturb(world, key)
  putEntry(world, entry, state.version, state.startSeq, state.incarnation, 1)
  token.id = 0
  noteKeyWrite(world, key)
  return SAVE.publish
}

/** What a process re-issues when the store comes back under another run id. */
function remember(world: World, process: Process, key: number, version: number): void {
  if (world.options.onStoreRestart !== 'replay') return
  const memory = process.held[key]!
  memory.recent = Math.max(memory.recent, version)
}

/** A writer without the store: applied here at once, and queued by name and digest only. */
export function failWriter(world: World, thread: Thread, process: Process): void {
  const { operation, key, state } = thread
  if (operation === 'O') return
  if (fillsAsSet(thread) && !state.version) state.version = world.keyFacts[key]!.source = nextVersion(world)
  if (operation === 'S' && state.phase === SET.write && !world.guards.deadline)
    putEntry(world, world.abandoned[key]!, state.version, state.startSeq, state.incarnation, 0)
  const version = fillsAsSet(thread) ? state.version : state.outdates
  const names = operation === 'T' || operation === 'C'
  if (names) markDirty(world, process.index)
  process.held.forEach((memory, index) => {
    if (!names && index !== key) return
    forget(memory)
    const quiet = !state.dirty || !world.guards.quietOutage
    if (operation === 'S' && !state.touched && quiet) keepUnconfirmed(memory, version)
    if (!names) touch(world, process, index, thread)
    if (!names) memory.queued = 1
    if (operation === 'S' && !world.guards.replayAsDelete) memory.queuedSet = version
    if (!state.touched || !fillsAsSet(thread)) oblige(world, process, index, version, true)
  })
  if (operation === 'T') process.state.queuedTag = 1
  if (operation === 'C') process.state.queuedNamespace = 1
}
