import type { RunReport } from '../pipeline/report.js'
import type { AdminPipeline } from './options.js'

/** Reports kept of each pipeline. */
const KEPT = 20

/** The last runs of some pipelines. */
export interface RunHistory {
  /** The newest first. */
  read(limit?: number): readonly RunReport[]
}

/** Keeps the last reports of each pipeline from now on. */
export function createRunHistory(pipelines: readonly AdminPipeline[]): RunHistory {
  const kept = pipelines.map((pipeline) => {
    const reports: RunReport[] = []
    pipeline.subscribe((report) => {
      reports.unshift(report)
      if (reports.length > KEPT) reports.pop()
    })
    return reports
  })
  return {
    read: (limit = KEPT) =>
      kept
        .flat()
        .sort((a, b) => (a.startedAt < b.startedAt ? 1 : a.startedAt > b.startedAt ? -1 : 0))
        .slice(0, limit),
  }
}
