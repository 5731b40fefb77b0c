import { inFlight } from './phases.js'
import { forget } from './process.js'
import { isTwin } from './transitions.js'
import type { Process, Thread, World } from './world.js'

/**
 * Many states differ in nothing that can ever be seen again. `createCanonical` returns a function that brings a state
 * into the form that stands for all of them: what no step will read is zero, numbers that are only compared are
 * their ranks, calls that nothing tells apart are in order.
 */
export function createCanonical(world: World): () => void {
  const { positions, bytes } = world
  const twins = world.threads.flatMap((thread, index) => {
    const next = world.threads[index + 1]
    return next && isTwin(thread, next) ? [[thread, next] as const] : []
  })
  return () => {
    forgetStore(world)
    for (const process of world.processes) forgetProcess(world, process)
    for (const thread of world.threads) if (inFlight(thread.state.phase)) forgetThread(world, thread)
    rank(bytes, positions.versions)
    rank(bytes, positions.tokens)
    if (world.options.leases) rank(bytes, positions.entryIds)
    for (const group of positions.epochs) rank(bytes, group)
    for (const [first, second] of twins) order(bytes, first, second)
  }
}

function forgetStore({ store, copy, facts, guards, bytes }: World): void {
  const { control, tag, namespace } = store
  if (!control.incarnation) control.seq = control.logFloor = tag.logged = namespace.logged = 0
  if (guards.markerIncarnation) {
    if (tag.incarnation !== control.incarnation) tag.seq = tag.incarnation = 0
    if (namespace.incarnation !== control.incarnation) namespace.seq = namespace.incarnation = 0
  }
  if (copy && !facts.faultsLeft && facts.copied) {
    const last = copy.keys.at(-1)!.token
    bytes.fill(0, copy.control.at, last.at + last.size)
  }
}

function forgetProcess(world: World, process: Process): void {
  const { state, held } = process
  const { guards } = world
  const outageOver = !world.facts.faultsLeft && state.link > 0
  for (const memory of held) {
    const stale = memory.unconfirmed || (memory.epoch < state.epoch && guards.revalidateEntry)
    if (outageOver && stale) forget(memory)
    if (outageOver && !state.returning) memory.recent = 0
  }
  if (outageOver && !state.returning) state.recentTag = state.recentNamespace = 0
}

function forgetThread(world: World, { operation, process, state }: Thread): void {
  if (operation === 'O') state.epoch = 0
  if (!world.facts.faultsLeft && world.processes[process]!.state.link) state.dirty = 0
  if (operation === 'D' || operation === 'T' || operation === 'C') state.epoch = 0
  if (!state.touched) return
  state.disturbed = state.dirty = 0
  if (world.guards.touchedFillsNothing && world.options.onStoreRestart === 'distrust') state.epoch = 0
}

/** Replaces numbers that are only compared with each other by their ranks; `0` stays nothing. */
function rank(bytes: Uint8Array, positions: readonly number[]): void {
  let present = 0
  for (let i = 0; i < positions.length; i++) {
    const value = bytes[positions[i]!]!
    if (value > 31) throw new RangeError('a number of the model left the range that fits its mask')
    present |= 1 << value
  }
  present |= 1
  // Dense already: the numbers are 0 to n without a gap.
  if ((present & (present + 1)) === 0) return
  for (let i = 0; i < positions.length; i++) {
    const value = bytes[positions[i]!]!
    if (value) bytes[positions[i]!] = bitCount(present & ((1 << value) - 1))
  }
}

function bitCount(word: number): number {
  let n = word - ((word >>> 1) & 0x55555555)
  n = (n & 0x33333333) + ((n >>> 2) & 0x33333333)
  return (((n + (n >>> 4)) & 0x0f0f0f0f) * 0x01010101) >>> 24
}

function order(bytes: Uint8Array, first: Thread, second: Thread): void {
  const a = first.state.at
  const b = second.state.at
  const { size } = first.state
  if (first.state.phase === 0 || second.state.phase === 0) return
  for (let i = 0; i < size; i++) {
    const difference = bytes[a + i]! - bytes[b + i]!
    if (difference === 0) continue
    if (difference < 0) return
    break
  }
  for (let i = 0; i < size; i++) {
    const byte = bytes[a + i]!
    bytes[a + i] = bytes[b + i]!
    bytes[b + i] = byte
  }
}
