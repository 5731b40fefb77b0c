import { failLoad } from './load.js'
import { ENDED, inFlight, LOAD, SAVE } from './phases.js'
import { adopt, dropMemory, forget, learn, markDirty, oblige, obligeToAcknowledged, touch } from './process.js'
import { ABOUT_NAMESPACE, ABOUT_TAG, aboutKey, bump, disturb, ensureControl, kill, publish, putEntry } from './store.js'
import { acknowledgedFloor, type Marker, type Message, type Process, type Thread, type World } from './world.js'
import { failWriter } from './writers.js'

/** Losing the store or the bus, and coming back. */

/** A call that the store cannot serve, or whose command was lost. */
export function fail(world: World, thread: Thread, process: Process): void {
  const next = thread.operation === 'L' ? failLoad(world, thread, process) : 0
  if (thread.operation !== 'L') failWriter(world, thread, process)
  if (next) thread.state.phase = next
  else end(world, thread)
}

/** An ended call is forgotten, but for having been made. */
export function end(world: World, { state }: Thread): void {
  world.bytes.fill(0, state.at, state.at + state.size)
  state.phase = ENDED
}

/** Every command on the wire is lost; loaders and saves go on. */
export function loseCommands(world: World, process: Process): void {
  const { link } = process.state
  process.state.link = 0
  for (const thread of world.threads) {
    const { operation, state } = thread
    if (thread.process !== process.index || !inFlight(state.phase)) continue
    const runs = (operation === 'L' && state.phase === LOAD.loaded) || (operation === 'W' && state.phase === SAVE.save)
    if (!runs) fail(world, thread, process)
  }
  process.state.link = link
  if (link) endOutage(world, process)
}

/** What was kept without the store belongs to that outage: the next one must not find it again. */
function endOutage(world: World, { held }: Process): void {
  for (const memory of held) if (memory.unconfirmed && world.guards.outageEnds) forget(memory)
}

export function loseSubscription(world: World, { state, inbox }: Process): void {
  state.subscribed = 0
  state.unread = 0
  const last = inbox.at(-1)!
  world.bytes.fill(0, inbox[0]!.at, last.at + last.size)
}

/** From here on every hit is compared with the store, and nobody shares a flight from before. */
export function hearNothing(world: World, { state }: Process): void {
  state.deaf = 1
  if (world.guards.epochAtGap) state.epoch++
}

export function noticeGap(world: World, process: Process): void {
  hearNothing(world, process)
  obligeToAcknowledged(world, process)
}

export function subscribeAgain(world: World, process: Process): void {
  const { state } = process
  state.subscribed = 1
  state.deaf = 0
  if (world.guards.epochAtSubscription) state.epoch++
  obligeToAcknowledged(world, process)
}

export function reachStore(world: World, process: Process): void {
  process.state.link = 1
  endOutage(world, process)
  obligeToAcknowledged(world, process)
}

export function receive(world: World, process: Process): void {
  const { state, inbox } = process
  const { about, incarnation, seq, outdates } = inbox[0]!
  shift(world, process)
  adopt(world, process, incarnation)
  if (about === ABOUT_NAMESPACE || about === ABOUT_TAG) {
    if (state.incarnation === incarnation || !world.guards.adopt) {
      if (about === ABOUT_NAMESPACE) state.namespaceCell = Math.max(state.namespaceCell, seq)
      else if (state.hasTagCell) state.tagCell = Math.max(state.tagCell, seq)
      markDirty(world, process.index)
    }
    for (let key = 0; key < process.held.length; key++) oblige(world, process, key, outdates, false)
    return
  }
  const key = about - 1
  forget(process.held[key]!)
  if (world.guards.messageTouches) touch(world, process, key)
  oblige(world, process, key, Math.min(outdates, acknowledgedFloor(world, key)), false)
}

function shift(world: World, { state, inbox }: Process): void {
  const first: Message = inbox[0]!
  const end = first.at + first.size * state.unread
  world.bytes.copyWithin(first.at, first.at + first.size, end)
  world.bytes.fill(0, end - first.size, end)
  state.unread--
}

const JUST_BACK = 1
const REISSUING = 2

/** Both sockets are new, and the server says another run id. */
export function returnFromCopy(process: Process): void {
  process.state.returning = JUST_BACK
}

/** The step that comes first once a process is back; the rest is the queue, in any order. */
export function mayRecogniseRun({ state }: Process): boolean {
  return state.link > 0 && state.returning === JUST_BACK
}

export function recogniseRun(world: World, process: Process): void {
  const { state, held } = process
  const { control } = world.store
  ensureControl(world)
  if (control.run !== world.facts.run) {
    control.run = world.facts.run
    if (world.guards.restartJumps) control.seq = world.facts.highestSeq = world.facts.highestSeq + 1
  }
  state.epoch++
  dropMemory(process)
  if (world.guards.restartReissues) {
    state.queuedTag ||= Math.sign(state.recentTag)
    state.queuedNamespace ||= Math.sign(state.recentNamespace)
    for (const memory of held) memory.queued ||= Math.sign(memory.recent)
  }
  held.forEach((memory, key) => {
    memory.must = Math.max(memory.own, acknowledgedFloor(world, key))
  })
  state.returning = REISSUING
  settleReturn(process)
}

export function replayKey(world: World, process: Process, key: number): void {
  const memory = process.held[key]!
  disturb(world)
  memory.queued = 0
  if (memory.queuedSet) {
    const { control, keys } = world.store
    putEntry(world, keys[key]!.entry, memory.queuedSet, control.seq, control.incarnation, 0)
    keys[key]!.token.id = 0
    memory.queuedSet = 0
  } else {
    kill(world, key)
    ensureControl(world)
    publish(world, aboutKey(key), 0, process.state.returning ? memory.recent : 0, process.index)
    forget(memory)
    touch(world, process, key)
  }
  settleReturn(process)
}

export function replayNames(world: World, process: Process, marker: Marker): void {
  const { state } = process
  const { control, tag } = world.store
  disturb(world)
  const outdates = marker === tag ? state.recentTag : state.recentNamespace
  bump(world, marker, state.returning ? outdates : 0, process.index)
  if (marker === tag) state.queuedTag = 0
  else state.queuedNamespace = 0
  learn(world, process, control.incarnation, marker === tag ? 0 : control.seq, marker === tag ? control.seq : 0)
  settleReturn(process)
}

function settleReturn({ state, held }: Process): void {
  if (state.returning !== REISSUING || state.queuedTag || state.queuedNamespace) return
  if (held.every((memory) => !memory.queued)) state.returning = 0
}
