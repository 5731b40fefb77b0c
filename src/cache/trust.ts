import type { About } from './entry.js'
import type { Link } from './link.js'
import type { NamespaceState } from './state.js'

/** What may be done with an entry, given what is known of the shared store: serve it, compare it first, or drop it. */
export type Trust = 'serve' | 'ask' | 'drop'

/**
 * Pure: the protocol's rule for a memory entry. Served if and only if the link is not deaf, the entry is of this epoch,
 * and no marker known here outranks it; in an outage, what was held before is served for a while, and what was loaded
 * meanwhile for its own lifetime.
 */
export function trustOf(
  state: NamespaceState,
  about: About,
  link: Link,
  maxDisconnectedMs: number,
  now: number,
): Trust {
  const { shared } = about
  if (shared === undefined) return 'serve'
  if (shared.epoch < link.floor || outrankedByStore(state, about, shared.startSeq)) return 'drop'
  if (shared.id === undefined) return link.away && shared.outage === link.outage ? 'serve' : 'drop'
  if (link.away) return now - link.awaySinceMs <= maxDisconnectedMs ? 'serve' : 'drop'
  return link.deaf || shared.epoch !== link.epoch ? 'ask' : 'serve'
}

/** Guard `cellCheck`: promotion and hit compare the cells with the entry. */
export function outrankedByStore(state: NamespaceState, about: Pick<About, 'cells'>, startSeq: number): boolean {
  if (state.cells.storeHard > startSeq) return true
  for (const cell of about.cells) if (cell.storeHard > startSeq) return true
  return false
}

/** Whether a soft marker of the store ended the freshness, and since when. */
export function softenedByStore(about: About, startSeq: number): number | undefined {
  for (const cell of about.cells) if (cell.storeSoft > startSeq) return cell.softAt
  return undefined
}
