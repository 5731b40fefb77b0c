/** What a call of a model used. */
export interface AskUsage {
  readonly inputTokens?: number | undefined
  readonly outputTokens?: number | undefined
  readonly costUsd?: number | undefined
}

/** {@link AskUsage} with nothing left out. */
export interface UsageShare {
  readonly inputTokens: number
  readonly outputTokens: number
  readonly costUsd: number
}

/** How much of a call is one task's: any unit, only proportions count. */
export interface UsageWeight {
  readonly input: number
  readonly output: number
}

export const NO_USAGE: UsageShare = Object.freeze({ inputTokens: 0, outputTokens: 0, costUsd: 0 })

/**
 * Divides what a call used among its tasks: input by the length of the question, output by that of the answer, money by
 * their tokens. Tokens stay whole numbers, and the shares add up to exactly what was used.
 */
export function splitUsage(usage: AskUsage, weights: readonly UsageWeight[]): UsageShare[] {
  const input = splitWhole(
    Math.round(amount(usage.inputTokens)),
    weights.map((weight) => weight.input),
  )
  const output = splitWhole(
    Math.round(amount(usage.outputTokens)),
    weights.map((weight) => weight.output),
  )
  const cost = amount(usage.costUsd)
  const tokens = input.map((part, at) => part + (output[at] as number))
  const total = tokens.reduce((sum, part) => sum + part, 0)
  let left = cost
  return tokens.map((part, at) => {
    // The last one takes what is left, so that rounding loses nothing.
    const share = at === tokens.length - 1 ? left : total === 0 ? cost / tokens.length : (cost * part) / total
    left -= share
    return { inputTokens: input[at] as number, outputTokens: output[at] as number, costUsd: share }
  })
}

/** The sum of two. */
export function addUsage(one: UsageShare, other: UsageShare): UsageShare {
  return {
    inputTokens: one.inputTokens + other.inputTokens,
    outputTokens: one.outputTokens + other.outputTokens,
    costUsd: one.costUsd + other.costUsd,
  }
}

/** Whole parts of a whole number in the proportion of `weights`: the largest remainders get what rounding left. */
function splitWhole(total: number, weights: readonly number[]): number[] {
  const safe = weights.map((weight) => (weight > 0 && Number.isFinite(weight) ? weight : 0))
  const sum = safe.reduce((all, weight) => all + weight, 0)
  const exact = safe.map((weight) => (sum === 0 ? total / safe.length : (total * weight) / sum))
  const parts = exact.map(Math.floor)
  const byRemainder = exact.map((part, at) => ({ at, rest: part - Math.floor(part) })).sort((a, b) => b.rest - a.rest)
  let left = Math.round(total - parts.reduce((all, part) => all + part, 0))
  for (const { at } of byRemainder) {
    if (left <= 0) break
    parts[at] = (parts[at] as number) + 1
    left--
  }
  return parts
}

// What a provider reports may be anything; sums stay numbers.
function amount(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : 0
}
