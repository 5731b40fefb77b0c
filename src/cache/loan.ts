import { About, type Entry } from './entry.js'
import { copyOf } from './ownership.js'
import type { NamespaceState } from './state.js'

/** What the only reader of an entry gets that a store has just brought. */
export function firstValueOf(state: NamespaceState, entry: Entry): unknown {
  const { about } = entry
  if (!(about instanceof About) || !about.readersGetCopies) return entry.value
  const { loan } = about
  if (loan === undefined || loan.isOut || state.live.changesLoans === true) return copyOf(entry.value)
  loan.isOut = true
  return loan.lend()
}

/**
 * Whether an entry's value is memory's own, which one that was lent becomes here. One that was changed is none any more, and
 * this namespace lends nothing from then on: who changes what he reads once will do it again.
 */
export function isOwn(state: NamespaceState, entry: Entry, about: About): boolean {
  const { loan } = about
  if (loan === undefined || !loan.isOut) return true
  const value = loan.copied()
  if (value === undefined) {
    state.live.changesLoans = true
    return false
  }
  about.loan = undefined
  entry.value = value
  return true
}
