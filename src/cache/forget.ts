import { closed } from '../errors/load-error.js'
import { erasureUnconfirmed } from '../errors/store-error.js'
import { About, type Entry } from './entry.js'
import { bumpShared } from './shared-write.js'
import type { NamespaceState, SharedSide } from './state.js'
import { removeAs } from './valid.js'

/** What an erasure reached, and what nobody here can reach. */
export interface ForgetReceipt {
  /** Entries removed from this process. */
  readonly memory: number
  /** Entries removed from the shared store; `'none'` without one, or where it cannot remove by subject. */
  readonly store: number | 'none'
  /** Whether other processes were told; what they hold leaves their memory as they hear of it. */
  readonly peers: 'announced' | 'none'
  /** Copies out of reach. `'store'`: the store's entries are dead for every reader, but their bytes stay until they expire. */
  readonly notCovered: readonly ('store' | 'replicas' | 'backups')[]
}

const OUT_OF_REACH = Object.freeze(['replicas', 'backups'] as const)
const OUT_OF_REACH_WITH_STORE = Object.freeze(['store', ...OUT_OF_REACH] as const)

/**
 * Removes every entry about a subject, and keeps what is on its way from being stored: those who wait for it get it.
 *
 * The contract with a shared store, step by step:
 * 1. Entries carry the subject's tag (`subjectTag`, `src/stores/subject.ts`) among their `tags`, so a store that can erase
 *    keeps an index from `subjectIn(entry.tags)` to keys, written **before or with** the entry, in the same script, and
 *    kept at least as long as it; an index entry without its value is harmless, a value without its index is not.
 * 2. `bump` of the tag's stash-wide marker: loads in flight anywhere are refused from here on, peers drop what they hold.
 * 3. `store.forget(digest)`, optional capability of `SharedStore`: removes the bytes of every indexed entry of any
 *    namespace and the index, and replies how many entries there were, or `'none'`. What a peer writes between 2 and 3 began after the
 *    erasure; to remove it too is allowed. Idempotent: a second call replies 0.
 *
 * @throws {StoreError} `ERR_STORE_UNCONFIRMED` if the shared store does not confirm; this process obeys all the same.
 */
export async function forgetIn(states: readonly NamespaceState[], subject: unknown): Promise<ForgetReceipt> {
  const [first] = states
  if (first === undefined) return { memory: 0, store: 'none', peers: 'none', notCovered: OUT_OF_REACH }
  const { tag, digest } = first.subjectOf(subject)
  if (first.live.closed) throw closed('The stash')
  const memory = erase(states, tag)
  const tier = first.shared
  if (tier === undefined) return { memory, store: 'none', peers: 'none', notCovered: OUT_OF_REACH }
  tier.underWay.begins()
  const store = await eraseShared(states, tier, tag, digest).finally(() => tier.underWay.ends())
  // Again, as for a delete: a read between call and reply may have brought what the store held till then.
  const late = erase(states, tag)
  const notCovered = store === 'none' ? OUT_OF_REACH_WITH_STORE : OUT_OF_REACH
  return { memory: memory + late, store, peers: 'announced', notCovered }
}

async function eraseShared(
  states: readonly NamespaceState[],
  tier: SharedSide,
  tag: string,
  digest: string,
): Promise<number | 'none'> {
  const told = await bumpShared(states, tier, [`t//${tag}`], 'delete', () => erase(states, tag))
  if (told !== 'done') throw erasureUnconfirmed(told)
  const erased = tier.store.forget?.bind(tier.store)
  if (erased === undefined) return 'none'
  const reply = await tier.ask(() => erased(digest))
  if (reply === undefined) throw erasureUnconfirmed('failed')
  return reply.removed
}

/** Takes a subject out of the memory of this process; tells how many entries there were. */
function erase(states: readonly NamespaceState[], tag: string): number {
  const [{ coherence, clock }] = states as readonly [NamespaceState]
  coherence.seq++
  coherence.generation++
  const now = Math.floor(clock.now())
  let removed = 0
  for (const state of states) {
    state.cells.invalidate(tag, coherence.seq, 'delete', now)
    for (const id of state.cells.membersOf(tag)) {
      if (state.memory.peek(id) === undefined) continue
      removeAs(state, id, 'invalidated')
      removed++
    }
    // Of no use any more, since errors are remembered for a generation; and they may quote what was asked.
    state.negatives.clear()
    state.keyer.forgetTexts()
    for (const load of state.loads.values()) if (isAbout(load.replaces, tag)) load.replaces = undefined
  }
  return removed
}

function isAbout(entry: Entry | undefined, tag: string): boolean {
  return entry?.about instanceof About && entry.about.cells.some((cell) => cell.tag === tag)
}
