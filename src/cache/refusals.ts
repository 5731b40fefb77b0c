import type { RefusalReason } from './counters.js'
import type { NamespaceState } from './state.js'

/** Counts a value that cannot be kept; says once a namespace that some are too large for memory. */
export function countRefused(state: NamespaceState, reason: RefusalReason): void {
  state.counters.refused[reason]++
  if (reason === 'size' && state.counters.refused.size === 1) warnOfSize(state.name, state.live.policy.maxValueBytes)
}

/** Whether memory takes a value of this size; one that it does not take is counted. */
export function fitsMemory(state: NamespaceState, bytes: number): boolean {
  if (bytes <= state.live.policy.maxValueBytes) return true
  countRefused(state, 'size')
  return false
}

function warnOfSize(namespace: string, maxBytes: number): void {
  if (typeof process === 'undefined' || typeof process.emitWarning !== 'function') return
  const message = `A value of namespace '${namespace}' is larger than ${maxBytes} bytes and is not kept in memory. Raise \`maxValueBytes\`, which the stash's \`maxBytes\` bounds, or keep a reference to it instead. This is said once.`
  process.emitWarning(message, { type: 'HopstashWarning', code: 'HOPSTASH_VALUE_SIZE' })
}
