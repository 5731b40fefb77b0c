import type { Usage, UsageMeter } from './hop-context.js'

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
      calls: calls + amount(usage.calls ?? 1),
      inputTokens: inputTokens + amount(usage.inputTokens),
      outputTokens: outputTokens + amount(usage.outputTokens),
      costUsd: costUsd + amount(usage.costUsd),
    }
  }

  close(): void {
    this.#closed = true
  }

  get totals(): UsageTotals | null {
    return this.#totals ?? null
  }
}

// What an upstream reports may be anything; a report's sums stay numbers.
function amount(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : 0
}
