import { inFlight } from './phases.js'
import type { Entry, Marker, World } from './world.js'
import { PROCESSES } from './world.js'

/** What the store does: each function is a script, or a part of one, that runs there without interruption. */

/** `CTL`: without a control key there is no incarnation, and nothing is known from before now. */
export function ensureControl(world: World): void {
  const { control, tag, namespace } = world.store
  if (control.incarnation) return
  control.incarnation = ++world.facts.incarnations
  control.seq = control.logFloor = 1
  tag.logged = namespace.logged = 0
  noteSeq(world)
}

/** The seq of a marker that counts in this incarnation, else 0: absent. */
export function markerSeq(world: World, marker: Marker): number {
  return !world.guards.markerIncarnation || marker.incarnation === world.store.control.incarnation ? marker.seq : 0
}

/** `ENSURE`: an absent marker comes back from what the log knows of its name, else from the log's floor. */
export function ensureMarker(world: World, marker: Marker, startSeq: number): void {
  if (markerSeq(world, marker)) return
  const { control } = world.store
  marker.incarnation = control.incarnation
  if (!world.guards.markerFromLog) marker.seq = Math.min(startSeq, control.seq)
  else marker.seq = world.guards.markerNotNow ? Math.max(control.logFloor, marker.logged) : control.seq
}

/** `BUMP`: seq, marker, log and message in one script. */
export function bump(world: World, marker: Marker | undefined, outdates: number, sender: number): void {
  ensureControl(world)
  const { control, tag } = world.store
  control.seq++
  noteSeq(world)
  if (!marker) return
  marker.incarnation = control.incarnation
  marker.seq = control.seq
  if (world.guards.logWithMarker) marker.logged = control.seq
  disturb(world)
  publish(world, marker === tag ? ABOUT_TAG : ABOUT_NAMESPACE, control.seq, outdates, sender)
}

/** The highest number that was ever handed out, whatever a fail-over made of it. */
function noteSeq(world: World): void {
  if (world.facts.highestSeq) world.facts.highestSeq = Math.max(world.facts.highestSeq, world.store.control.seq)
}

export const ABOUT_NAMESPACE = 8
export const ABOUT_TAG = 9
export const aboutKey = (key: number): number => key + 1

/** `PUB`: to every subscriber of this moment but the sender, who has the reply. */
export function publish(world: World, about: number, seq: number, outdates: number, sender: number): void {
  for (const index of PROCESSES) {
    const { state, inbox } = world.processes[index]!
    if (index === sender || !state.subscribed) continue
    const message = inbox[state.unread++]
    if (!message) throw new Error('the inbox of the model is too small')
    message.about = about
    message.incarnation = world.store.control.incarnation
    message.seq = seq
    message.outdates = outdates
  }
}

/** `KILL`: the entry and the token of a key. */
export function kill(world: World, key: number, takesToken = true): void {
  const stored = world.store.keys[key]!
  clear(stored.entry)
  if (takesToken) stored.token.id = 0
  noteKeyWrite(world, key)
}

/** Every write has an id of its own; only leases compare ids. */
export function putEntry(
  world: World,
  entry: Entry,
  version: number,
  startSeq: number,
  incarnation: number,
  bySet: number,
): void {
  entry.version = version
  entry.startSeq = startSeq
  entry.incarnation = incarnation
  entry.bySet = bySet
  entry.id = world.options.leases ? highest(world, world.positions.entryIds) + 1 : 0
}

export function clear(entry: Entry): void {
  entry.version = entry.startSeq = entry.incarnation = entry.bySet = entry.id = 0
}

/** A set that was given its place in the order of this key must take a new one: something was written since. */
export function noteKeyWrite(world: World, key: number): void {
  for (const { operation, key: other, state } of world.threads) {
    if (operation === 'S' && other === key && state.version && inFlight(state.phase)) state.overwritten = 1
  }
}

/** What happened to a load from outside, so that "an undisturbed load is kept" can be checked. */
export function disturb(world: World, key = -1): void {
  for (const { operation, key: other, state } of world.threads) {
    if ((operation === 'L' || operation === 'W') && inFlight(state.phase) && (key < 0 || key === other))
      state.disturbed = 1
  }
}

/** `TOKEN`: an id that nothing else has. */
export function freshToken(world: World): number {
  return world.guards.tokenUnique ? highest(world, world.positions.tokens) + 1 : 1
}

function highest(world: World, positions: readonly number[]): number {
  let most = 0
  for (const at of positions) most = Math.max(most, world.bytes[at]!)
  return most
}

/** The one rule of validity, for what was read of an entry and, afterwards, of its markers. */
export function isValid(
  world: World,
  version: number,
  startSeq: number,
  entryIncarnation: number,
  incarnation: number,
  namespaceMarker: number,
  tagMarker: number,
): boolean {
  if (!version) return false
  if (world.guards.entryIncarnation && entryIncarnation !== incarnation) return false
  return covers(world, namespaceMarker, startSeq) && covers(world, tagMarker, startSeq)
}

function covers(world: World, marker: number, startSeq: number): boolean {
  return marker ? marker <= startSeq : !world.guards.absentIsMiss
}
