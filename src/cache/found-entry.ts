import type { Entry } from './entry.js'

/** An entry a read without a loader found, and where. */
export interface FoundEntry {
  readonly id: string
  readonly entry: Entry
  readonly tier: 'memory' | 'store'
}
