import type { RunReport } from 'hopstash/pipeline'

/** What the model cost so far, and what the cache spared us. */
export interface Money {
  paid: number
  saved: number
}

/** Keeps the books, a run at a time. A spared answer is worth what the paid ones cost on average. */
export function createLedger() {
  let paid = 0
  let paidAnswers = 0
  let sparedAnswers = 0

  return {
    enter(report: RunReport): void {
      const imaginator = report.hops.imaginator
      if (imaginator === undefined) return
      const { status, usage, cache } = imaginator
      if (usage !== null) {
        paid += usage.costUsd
        paidAnswers += 1
      } else if (status === 'ok' && (cache.status === 'hit' || cache.status === 'coalesced')) sparedAnswers += 1
    },
    money: (): Money => ({ paid, saved: paidAnswers === 0 ? 0 : (paid / paidAnswers) * sparedAnswers }),
  }
}
