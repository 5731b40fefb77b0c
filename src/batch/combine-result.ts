import type { AskReport } from './asker.js'
import type { AskKind } from './combine-options.js'
import type { ItemReason, ItemUndone } from './item-outcome.js'
import { addUsage, NO_USAGE, type UsageShare } from './split-usage.js'

/** What became of one task, told apart by `status`. `usage` is its share of the calls that asked about it. */
export type TaskOutcome<V> = (
  | {
      readonly status: 'ok'
      readonly value: V
      /** `live`: it was asked. `stale`: within its time to be refreshed behind. */
      readonly source: 'live' | 'cache' | 'stale'
      readonly reason?: undefined
      readonly error?: undefined
    }
  | {
      /** A value that stands in for the answer. */
      readonly status: 'degraded'
      readonly value: V
      readonly source: 'stale' | 'function'
      readonly reason: ItemReason
      readonly error: unknown
    }
  | (ItemUndone & { readonly source?: undefined })
) & {
  readonly id: string
  /** How it got its answer; `null` where it was not asked. */
  readonly kind: AskKind | null
  readonly usage: UsageShare
}

/** What {@link combinePrompts} did. */
export interface CombineReport {
  readonly calls: readonly AskReport[]
  /** Tasks that were asked about. */
  readonly asked: number
  /** Tasks answered from the namespace, or by a call that somebody else had under way. */
  readonly cached: number
  /** Tasks equal to another one, which was asked for both. */
  readonly shared: number
  readonly usage: UsageShare
  readonly durationMs: number
}

/** What {@link combinePrompts} resolves with. */
export interface CombineResult<V> {
  /** One a task, in the order of the tasks. */
  readonly outcomes: readonly TaskOutcome<V>[]
  /** Values by id, of the tasks that have one. */
  readonly values: ReadonlyMap<string, V>
  readonly report: CombineReport
}

/** Puts together what {@link CombineResult} holds. */
export function resultOf<V>(
  outcomes: readonly TaskOutcome<V>[],
  calls: readonly AskReport[],
  shared: number,
  durationMs: number,
): CombineResult<V> {
  const withValue = outcomes.flatMap((outcome) =>
    outcome.status === 'ok' || outcome.status === 'degraded' ? [[outcome.id, outcome.value] as const] : [],
  )
  const usage = calls.reduce((sum, call) => addUsage(sum, call.usage), NO_USAGE)
  const asked = new Set(calls.flatMap(({ ids }) => ids)).size
  const cached = outcomes.length - asked - shared
  return { outcomes, values: new Map(withValue), report: { calls, asked, cached, shared, usage, durationMs } }
}
