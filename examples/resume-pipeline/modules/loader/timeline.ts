/** A stretch of time as a resume states it. */
export interface Span {
  startDate?: string | null | undefined
  endDate?: string | null | undefined
}

/**
 * Counts years. A post without an end lasts until the resume was last changed, so that the same resume always gives the
 * same profile; only a resume without that date lasts until today.
 */
export function createTimeline(lastModified: string | null | undefined, warnings: string[]) {
  const now = monthOf(lastModified) ?? monthOf(new Date().toISOString()) ?? 0

  function interval({ startDate, endDate }: Span): [from: number, to: number] | undefined {
    const from = monthOf(startDate)
    if (from === undefined) return undefined
    const to = monthOf(endDate) ?? Math.max(from, now)
    if (to >= from) return [from, to]
    warnings.push(`a post ends (${endDate}) before it starts (${startDate}) and counts for no time`)
    return undefined
  }

  function years(span: Span): number {
    const [from, to] = interval(span) ?? [0, 0]
    return inYears(to - from)
  }

  function total(spans: readonly Span[]): number {
    let months = 0
    let countedTo = Number.NEGATIVE_INFINITY
    const intervals = spans.map(interval).filter((found) => found !== undefined)
    for (const [from, to] of intervals.sort(([a], [b]) => a - b)) {
      months += Math.max(0, to - Math.max(from, countedTo))
      countedTo = Math.max(countedTo, to)
    }
    return inYears(months)
  }

  return { years, total }
}

/** Months since the year 0; the schema allows `2014`, `2014-06` and `2014-06-29`. */
function monthOf(date: string | null | undefined): number | undefined {
  const parts = /^(\d{4})(?:-(\d{2}))?/.exec(date ?? '')
  return parts ? Number(parts[1]) * 12 + Number(parts[2] ?? 1) - 1 : undefined
}

function inYears(months: number): number {
  return Math.round((months / 12) * 10) / 10
}
