import type { Clock } from '../runtime/clock.js'
import type { Markers } from '../stores/shared-store.js'
import type { NamespaceState } from './state.js'
import { removeAs } from './valid.js'

/** Takes what is known of one marker into a namespace's cells; news makes every hit think again. */
export function learnName(state: NamespaceState, name: string, hard: number, soft: number, now: number): void {
  if (!learnedIn(state, name, hard, soft, now)) return
  state.coherence.generation++
  state.coherence.seq++
}

/** The same for all markers of a reply. Most entries have no tags: then nothing is made to go through them. */
export function learnMarkers(state: NamespaceState, markers: Markers, clock: Clock): void {
  const all = markers.get('*')
  const own = markers.get(state.marker)
  if (all !== undefined) learnName(state, '*', all.hard, all.soft, 0)
  if (own !== undefined) learnName(state, state.marker, own.hard, own.soft, 0)
  if (markers.size === (all === undefined ? 0 : 1) + (own === undefined ? 0 : 1)) return
  const now = Math.floor(clock.now())
  for (const [name, { hard, soft }] of markers)
    if (name !== '*' && name !== state.marker) learnName(state, name, hard, soft, now)
}

function learnedIn(state: NamespaceState, name: string, hard: number, soft: number, now: number): boolean {
  const { cells } = state
  if (name === '*' || name === state.marker) return cells.learnOfAll(hard, soft)
  const own = `t/${state.name}/`
  const tag = name.startsWith('t//') ? name.slice(3) : name.startsWith(own) ? name.slice(own.length) : undefined
  if (tag === undefined) return false
  const learntHard = hard > 0 && cells.learn(tag, hard, 'delete', now)
  // Members are those of a subject: erased here, where any other tag leaves them until they are looked at.
  if (learntHard) for (const id of cells.membersOf(tag)) removeAs(state, id, 'invalidated')
  const learntSoft = soft > 0 && cells.learn(tag, soft, 'expire', now)
  return learntHard || learntSoft
}
