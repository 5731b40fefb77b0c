import { holdsLease } from './load.js'
import { end, hearNothing, loseCommands, loseSubscription, returnFromCopy } from './outage.js'
import { inFlight } from './phases.js'
import { dropMemory, mustReplay } from './process.js'
import { clear, disturb } from './store.js'
import type { Process, World } from './world.js'

/** Called after each change with what it was; puts the state back before it returns. */
export type Visit = (label: string, subject: number) => void

/** Everything that can go wrong once more, at this moment. */
export function strike(world: World, visit: Visit): void {
  const { store, facts } = world
  if (world.copy && !facts.copied) {
    copyStore(world)
    visit('a replica copies the store', 0)
  }
  if (!facts.faultsLeft) return
  evictions(world, visit)
  if (store.control.incarnation) {
    begin(world)
    empty(world)
    for (const process of world.processes) loseConnection(world, process)
    visit('FAULT: the store restarts empty', 0)
  }
  for (const process of world.processes) {
    const { index, state } = process
    if (state.subscribed) {
      begin(world)
      loseSubscription(world, process)
      visit('FAULT: the bus link is lost', index)
    }
    if (state.link) {
      begin(world)
      loseSubscription(world, process)
      hearNothing(world, process)
      state.link = 0
      loseCommands(world, process)
      visit('FAULT: the store is out of reach', index)
    }
    if (world.options.leases && state.link && !mustReplay(process) && holdsWork(world, process)) {
      begin(world)
      killProcess(world, process)
      visit('FAULT: the process is killed and started again', index)
    }
  }
  if (world.copy && facts.copied) {
    begin(world)
    failOver(world)
    visit('FAULT: fail-over to the copy', 0)
  }
}

/** One fault less, and nothing is as undisturbed as it was. */
function begin(world: World): void {
  world.facts.faultsLeft--
  disturb(world)
}

function evictions(world: World, visit: Visit): void {
  const { control, tag, namespace, keys } = world.store
  for (const [marker, name] of [
    [tag, 'tag'],
    [namespace, 'namespace'],
  ] as const) {
    if (!marker.seq) continue
    begin(world)
    marker.seq = marker.incarnation = 0
    visit(`FAULT: the marker of the ${name} is evicted`, 0)
  }
  keys.forEach(({ entry, token }, key) => {
    if (token.id) {
      begin(world)
      token.id = 0
      visit(
        world.options.leases ? 'FAULT: a lease lapses while its leader is paused' : 'FAULT: a token is evicted',
        key,
      )
    }
    if (entry.version) {
      begin(world)
      clear(entry)
      visit('FAULT: an entry is evicted', key)
    }
  })
  if (control.logFloor < control.seq) {
    begin(world)
    control.logFloor = control.seq
    tag.logged = namespace.logged = 0
    visit('FAULT: the log is evicted', 0)
  }
  if (control.incarnation) {
    begin(world)
    if (world.guards.oneControlKey) control.incarnation = 0
    else {
      control.seq = control.logFloor = 1
      tag.logged = namespace.logged = 0
    }
    visit('FAULT: the control key is evicted', 0)
  }
}

function empty({ store, bytes, facts, processes, options }: World): void {
  const last = store.keys.at(-1)!.token
  bytes.fill(0, store.control.at, last.at + last.size)
  if (options.onStoreRestart === 'distrust') return
  facts.run++
  processes.forEach(returnFromCopy)
}

function loseConnection(world: World, process: Process): void {
  loseSubscription(world, process)
  loseCommands(world, process)
}

function copyStore(world: World): void {
  const { store, copy, bytes, facts } = world
  const last = store.keys.at(-1)!.token
  bytes.copyWithin(copy!.control.at, store.control.at, last.at + last.size)
  facts.copied = 1
}

function failOver(world: World): void {
  const { store, copy, bytes, facts, options, guards } = world
  const last = copy!.keys.at(-1)!.token
  bytes.copyWithin(store.control.at, copy!.control.at, last.at + last.size)
  bytes.fill(0, copy!.control.at, last.at + last.size)
  facts.copied = 0
  facts.run++
  if (options.onStoreRestart === 'distrust' && guards.runId) store.control.incarnation = 0
  for (const process of world.processes) {
    loseConnection(world, process)
    if (options.onStoreRestart === 'replay' && guards.runId) returnFromCopy(process)
  }
}

function holdsWork(world: World, { index }: Process): boolean {
  return world.threads.some(
    ({ process, operation, state }) => process === index && operation !== 'O' && inFlight(state.phase),
  )
}

/** A new process in its place knows nothing and has promised nothing. */
function killProcess(world: World, process: Process): void {
  for (const thread of world.threads)
    if (thread.process === process.index && inFlight(thread.state.phase)) end(world, thread)
  loseSubscription(world, process)
  const { state, held } = process
  state.deaf = 1
  state.epoch++
  dropMemory(process)
  state.namespaceCell = state.tagCell = state.hasTagCell = 0
  for (const memory of held) memory.own = memory.must = 0
}

/** A lease lapses by itself when nobody renews it: its leader is dead, cut off, or has nothing more to write. */
export function lapses(world: World, key: number): boolean {
  const { id } = world.store.keys[key]!.token
  if (!id) return false
  return !world.threads.some((thread) => thread.key === key && thread.state.token === id && holdsLease(thread))
}
