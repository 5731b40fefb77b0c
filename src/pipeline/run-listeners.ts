import { checkFunction } from '../resilience/option-shape.js'
import { tell } from '../runtime/tell.js'
import type { RunReport } from './report.js'
import type { RunResult } from './run-result.js'

/** Is told of every run when it is over. What it throws is ignored. */
export type RunObserver = (report: RunReport) => unknown

/** Who wants to know of runs. Without anybody no report is made. */
export interface RunListeners {
  /** Returns what ends it. */
  subscribe(observer: RunObserver): () => void
  tell(result: RunResult<unknown>): void
}

/** Returns listeners, with the one of the pipeline's options. */
export function createRunListeners(onRun: RunObserver | undefined): RunListeners {
  const observers = new Set<RunObserver>()
  if (onRun !== undefined) observers.add(onRun)
  return {
    subscribe(observer) {
      checkFunction(observer ?? null, 'subscribe', 'a function of the report')
      // Each subscription ends for itself, also where one function subscribes twice.
      const own: RunObserver = (report) => observer(report)
      observers.add(own)
      return () => {
        observers.delete(own)
      }
    },
    tell(result) {
      for (const observer of observers) tell(observer, result.report)
    },
  }
}
