import type { UsageMeter as SavingsMeter } from '../cache/usage-meter.js'
import type { HopLog, Usage, UsageMeter } from './hop-context.js'

/** Sums of a hop's {@link Usage}. */
export interface UsageTotals {
  readonly calls: number
  readonly inputTokens: number
  readonly outputTokens: number
  readonly costUsd: number
}

/** Adds up what a hop's calls used, until the hop is over: an abandoned call changes no report. */
export class UsageSum implements UsageMeter {
  #totals: UsageTotals | undefined
  #closed = false

  add(usage: Usage): void {
    if (this.#closed) return
    const { calls = 0, inputTokens = 0, outputTokens = 0, costUsd = 0 } = this.#totals ?? {}
    this.#totals = {
      calls: calls + amount(usage?.calls ?? 1),
      inputTokens: inputTokens + amount(usage?.inputTokens),
      outputTokens: outputTokens + amount(usage?.outputTokens),
      costUsd: costUsd + amount(usage?.costUsd),
    }
  }

  close(): void {
    this.#closed = true
  }

  get totals(): UsageTotals | null {
    return this.#totals ?? null
  }
}

/** Counts for the hop, and for what the cache it answers from will have saved. */
export function meterBoth(hop: UsageMeter, savings: SavingsMeter): UsageMeter {
  return {
    add(usage) {
      hop.add(usage)
      savings.add({ tokens: amount(usage?.inputTokens) + amount(usage?.outputTokens), money: amount(usage?.costUsd) })
    },
  }
}

/** Counts what a checked answer says it used. A mistake in `usage` is logged and costs no answer. */
export function meterAnswer(
  usage: (output: unknown) => Usage,
  answer: unknown,
  to: { readonly usage: UsageMeter; readonly log: HopLog },
): void {
  try {
    to.usage.add(usage(answer))
  } catch {
    to.log.warn('The `usage` function of the hop threw')
  }
}

// What an upstream reports may be anything, nothing included; a report's sums stay numbers.
function amount(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : 0
}
