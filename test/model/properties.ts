import { stepLoad } from './load.js'
import { end, mayRecogniseRun, receive, recogniseRun, replayKey, replayNames } from './outage.js'
import { CALLED, ENDED, LOAD } from './phases.js'
import { servedFloor, servedVersion } from './process.js'
import { nameOfProcess } from './scenarios.js'
import { isValid, markerSeq } from './store.js'
import { acknowledgedFloor, PROCESSES, type Process, type World } from './world.js'

/** What must hold in every state; the empty text if it does. */
export function brokenProperty(world: World): string {
  if (world.violation) return world.violation
  const { control, namespace, tag, keys } = world.store
  for (let key = 0; key < keys.length; key++) {
    for (const process of world.processes) {
      const version = servedVersion(world, process, key)
      const floor = servedFloor(world, process, key)
      if (version && version < floor)
        return `S1/S2 memory of ${nameOfProcess(process.index)} serves v${version}, must be v${floor} or newer`
    }
    const { version, startSeq, incarnation } = keys[key]!.entry
    const floor = acknowledgedFloor(world, key)
    if (version >= floor || !control.incarnation) continue
    if (
      isValid(
        world,
        version,
        startSeq,
        incarnation,
        control.incarnation,
        markerSeq(world, namespace),
        markerSeq(world, tag),
      )
    )
      return `S2/S3/S5 the store serves v${version} after v${floor} was acknowledged`
  }
  return ''
}

/**
 * What must hold when every call has ended: once all messages are read and all queues replayed, two reads bring each
 * process the newest value, with one load at most; and leases kept their promise. Leaves `world` in another state.
 */
export function brokenEnd(world: World): string {
  const { options, facts } = world
  const disturbers = world.threads.some(({ operation }) => operation !== 'L' && operation !== 'O')
  // A new incarnation voids what another process read before it: its load, too, is born dead.
  const allowed = 1 + options.faults - facts.faultsLeft + (facts.incarnations - 1)
  if (options.leases && !disturbers && world.keyFacts.some(({ loads }) => loads > allowed))
    return `X1 ${world.keyFacts.map(({ loads }) => loads).join(' and ')} loads of a key, ${allowed} allowed`
  settle(world)
  for (let key = 0; key < world.store.keys.length; key++) {
    let loads = 0
    for (const process of world.processes)
      for (let read = 0; read < 2; read++) if (readToTheEnd(world, process, key)) loads++
    if (world.violation) return world.violation
    const missing = PROCESSES.find((index) => !servedVersion(world, world.processes[index]!, key))
    if (missing !== undefined || loads > 1) return `L1 not readable from memory after two reads and ${loads} loads`
  }
  return ''
}

function settle(world: World): void {
  for (const process of world.processes) {
    readInbox(world, process)
    const { state } = process
    if (!state.subscribed) {
      state.subscribed = 1
      state.deaf = 0
      state.epoch++
    }
    state.link = 1
    if (mayRecogniseRun(process)) recogniseRun(world, process)
    process.held.forEach((memory, key) => {
      if (memory.queued) replayKey(world, process, key)
    })
    if (state.queuedTag) replayNames(world, process, world.store.tag)
    if (state.queuedNamespace) replayNames(world, process, world.store.namespace)
  }
  for (const process of world.processes) readInbox(world, process)
  if (world.options.leases) for (const { token } of world.store.keys) token.id = 0
}

function readInbox(world: World, process: Process): void {
  while (process.state.unread) receive(world, process)
}

/** One read of a key with nothing else going on. Says whether it had to load. */
function readToTheEnd(world: World, process: Process, key: number): boolean {
  const thread = { ...world.threads[0]!, operation: 'L' as const, process: process.index, key }
  const { state } = thread
  end(world, thread)
  state.phase = CALLED
  state.epoch = process.state.epoch
  state.disturbed = 1
  let loaded = false
  while (state.phase !== ENDED) {
    loaded ||= state.phase === LOAD.runLoader
    state.phase = stepLoad(world, thread, process) || ENDED
  }
  return loaded
}
