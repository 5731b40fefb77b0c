import { inFlight, LOAD } from './phases.js'
import { cellsAllow, createCell, fill, keepUnconfirmed, learn, oblige, touch } from './process.js'
import { disturb, ensureControl, ensureMarker, freshToken, isValid, markerSeq, putEntry } from './store.js'
import { acknowledgedFloor, type Process, type Thread, type World } from './world.js'

/** One step of a load. Returns the phase that follows, or `0` when the load is over. */
export function stepLoad(world: World, thread: Thread, process: Process): number {
  switch (thread.state.phase) {
    case LOAD.readEntry:
      return readEntry(world, thread)
    case LOAD.readMarkers:
      return readMarkers(world, thread, process)
    case LOAD.markersReply:
      return judgeEntry(world, thread, process)
    case LOAD.takeToken:
      return takeToken(world, thread)
    case LOAD.follow:
      return wake(world, thread)
    case LOAD.runLoader:
      return runLoader(world, thread)
    case LOAD.loaded:
      return answerCallers(world, thread, process)
    case LOAD.ensure:
      return ensureMarkers(world, thread)
    case LOAD.write:
      return write(world, thread, process)
    default:
      return fillMemory(world, thread, process)
  }
}

function readEntry(world: World, { key, state }: Thread): number {
  const { entry } = world.store.keys[key]!
  state.seenVersion = entry.version
  state.seenStart = entry.startSeq
  state.seenIncarnation = entry.incarnation
  if (world.options.leases) state.seenId = entry.id
  if (entry.version) state.floorAtRead = acknowledgedFloor(world, key)
  return LOAD.readMarkers
}

function readMarkers(world: World, { state }: Thread, process: Process): number {
  const { control, namespace, tag } = world.store
  if (state.seenVersion) createCell(world, process)
  ensureControl(world)
  state.startSeq = control.seq
  state.incarnation = control.incarnation
  state.namespaceMarker = markerSeq(world, namespace)
  state.tagMarker = markerSeq(world, tag)
  return LOAD.markersReply
}

function judgeEntry(world: World, thread: Thread, process: Process): number {
  const { key, state } = thread
  const { seenVersion, floorAtRead } = state
  learn(world, process, state.incarnation, state.namespaceMarker, seenVersion ? state.tagMarker : 0)
  if (seenIsValid(world, thread)) {
    if (seenVersion < state.needed)
      world.violation = `S1 a store read returned v${seenVersion} after an own v${state.needed}`
    if (seenVersion < floorAtRead)
      world.violation = `S2 a store read returned v${seenVersion}, v${floorAtRead} was acknowledged`
    if (seenVersion < state.joined)
      world.violation = `S1/S2 a later read shared a store read of v${seenVersion}, must be v${state.joined}`
    fill(world, thread, process, seenVersion, state.seenStart)
    if (world.guards.loadTouches) touch(world, process, key, thread)
    oblige(world, process, key, floorAtRead, false)
    return 0
  }
  state.floorAtRead = state.namespaceMarker = state.tagMarker = 0
  state.seenVersion = state.seenStart = state.seenIncarnation = 0
  if (!world.options.leases) state.needed = 0
  if (!world.guards.tokenFirst) state.version = world.keyFacts[key]!.source
  return LOAD.takeToken
}

function seenIsValid(world: World, { state }: Thread): boolean {
  const { seenVersion, seenStart, seenIncarnation, incarnation, namespaceMarker, tagMarker } = state
  return isValid(world, seenVersion, seenStart, seenIncarnation, incarnation, namespaceMarker, tagMarker)
}

function takeToken(world: World, { key, state }: Thread): number {
  const { entry, token } = world.store.keys[key]!
  if (world.options.leases) {
    const changed = entry.id !== state.seenId
    state.seenId = 0
    if (changed && world.guards.leaseLooksAgain) return LOAD.readEntry
  }
  const present = token.id > 0
  if (!present) token.id = freshToken(world)
  state.token = token.id
  if (present && world.options.leases && world.guards.leaseExclusive) return LOAD.follow
  return LOAD.runLoader
}

/** Somebody else loads under the lease that the store has now. A save shares a lease, and takes it away by its write. */
function leads(world: World, { key, state }: Thread): boolean {
  const { id } = world.store.keys[key]!.token
  return world.threads.some(
    (other) =>
      other.operation === 'L' &&
      other.state !== state &&
      other.key === key &&
      id > 0 &&
      other.state.token === id &&
      holdsLease(other),
  )
}

/** From the grant to the write: as long as this leader renews its lease. */
export function holdsLease({ operation, state }: Thread): boolean {
  if (!inFlight(state.phase) || state.offline) return false
  return operation === 'W' || (operation === 'L' && state.phase >= LOAD.runLoader && state.phase < LOAD.written)
}

/** A follower looks again once the lease it saw is gone: used up, taken away, released, or lapsed. */
export function canWake(world: World, { key, state }: Thread): boolean {
  if (!world.guards.leaseLapses && !state.accepted) return false
  return world.store.keys[key]!.token.id !== state.token
}

function wake(_world: World, { state }: Thread): number {
  state.token = state.accepted = 0
  return LOAD.readEntry
}

function runLoader(world: World, { key, state }: Thread): number {
  countLoad(world, key)
  state.version ||= world.keyFacts[key]!.source
  return LOAD.loaded
}

/** Only leases promise how many loads there are. */
function countLoad(world: World, key: number): void {
  if (world.options.leases) world.keyFacts[key]!.loads++
}

function answerCallers(world: World, thread: Thread, process: Process): number {
  const { key, state } = thread
  state.version ||= world.keyFacts[key]!.source
  createCell(world, process)
  if (state.version < state.joined)
    world.violation = `S1/S2 a later read shared a load of v${state.version}, must be v${state.joined}`
  if (!state.offline) return LOAD.ensure
  keepWhileAway(world, thread, process)
  return 0
}

function ensureMarkers(world: World, { state }: Thread): number {
  const { control, namespace, tag } = world.store
  ensureControl(world)
  ensureMarker(world, namespace, state.startSeq)
  ensureMarker(world, tag, state.startSeq)
  state.namespaceMarker = markerSeq(world, namespace)
  state.tagMarker = markerSeq(world, tag)
  state.markerIncarnation = control.incarnation
  if (!world.guards.stampAtStart) {
    state.startSeq = control.seq
    state.incarnation = control.incarnation
  }
  return LOAD.write
}

function write(world: World, thread: Thread, process: Process): number {
  const { key, state } = thread
  const { entry, token } = world.store.keys[key]!
  learn(world, process, state.markerIncarnation, state.namespaceMarker, state.tagMarker)
  const foreign = world.guards.entryIncarnation && state.markerIncarnation !== state.incarnation
  if (foreign || state.namespaceMarker > state.startSeq || state.tagMarker > state.startSeq)
    return giveUp(world, thread, process)
  state.accepted = !world.guards.token || token.id === state.token ? 1 : 0
  if (state.accepted) {
    if (world.options.leases && leads(world, thread))
      world.violation = 'X2 a write was accepted while somebody else has the lease'
    if (entry.bySet && entry.version > state.version)
      world.violation = `S4 set v${entry.version} overwritten by a load of v${state.version}`
    const { disturbed } = state
    disturb(world, key)
    state.disturbed = disturbed
    putEntry(world, entry, state.version, state.startSeq, state.incarnation, 0)
    token.id = 0
    notifyFollowers(world, key)
  }
  return LOAD.written
}

function fillMemory(world: World, thread: Thread, process: Process): number {
  const { key, state } = thread
  if (!state.accepted) return giveUp(world, thread, process)
  if (state.version < state.joined)
    world.violation = `S1/S2 a later read shared a load of v${state.version}, must be v${state.joined}`
  fill(world, thread, process, state.version, state.startSeq)
  if (world.guards.loadTouches) touch(world, process, key, thread)
  const memory = process.held[key]!
  const undisturbed = !state.disturbed && !state.touched && state.epoch === process.state.epoch
  if (
    undisturbed &&
    process.state.incarnation === state.incarnation &&
    !(memory.version && cellsAllow(world, process, memory.startSeq))
  )
    world.violation = 'L1 an undisturbed load was not kept'
  return 0
}

/** Refused, or outdated before it was written: kept nowhere. Only what came between may be the reason. */
function giveUp(world: World, { state }: Thread, process: Process): number {
  if (state.version < state.joined)
    world.violation = `S1/S2 a later read shared a load of v${state.version}, must be v${state.joined}`
  if (!state.disturbed && !state.touched && process.state.link)
    world.violation = 'L1 an undisturbed load was refused or born invalid'
  return 0
}

/** The link is gone, or a command of this load was lost with it. Returns the phase that follows, or `0`. */
export function failLoad(world: World, thread: Thread, process: Process): number {
  const { state } = thread
  if (state.phase === LOAD.loaded) return LOAD.loaded
  if (state.phase < LOAD.loaded) {
    state.offline = 1
    state.seenVersion = state.seenStart = state.seenIncarnation = state.floorAtRead = 0
    state.needed = state.seenId = 0
    return LOAD.loaded
  }
  keepWhileAway(world, thread, process)
  return 0
}

/** Only while the link is away, and only what no invalidation of this process can have outdated. */
function keepWhileAway(world: World, { key, state }: Thread, process: Process): void {
  const memory = process.held[key]!
  if (process.state.link || state.touched || state.epoch < process.state.floor || memory.unconfirmed) return
  if (state.dirty && world.guards.quietOutage) return
  keepUnconfirmed(memory, state.version)
}

/** Followers in processes that hear the bus; the others wait for the lapse. */
function notifyFollowers(world: World, key: number): void {
  if (!world.options.leases || world.guards.leaseLapses) return
  for (const { operation, key: other, process, state } of world.threads)
    if (operation === 'L' && other === key && state.phase === LOAD.follow && world.processes[process]!.state.subscribed)
      state.accepted = 1
}
