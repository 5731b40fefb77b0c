import { Ajv2020 } from 'ajv/dist/2020.js'
import type { RunReport } from '../../../src/pipeline/index.js'
import { runReportSchema } from '../../../src/pipeline/report-schema.js'
import { LazyResult } from '../../../src/pipeline/run-result.js'

/** Whether a document is a report, by the schema that is published. */
export const isReport = new Ajv2020({ strict: true, allErrors: true }).compile(runReportSchema)

const built = Object.getOwnPropertyDescriptor(LazyResult.prototype, 'report')?.get

/** Every report that any test of a pipeline reads passes through here. */
Object.defineProperty(LazyResult.prototype, 'report', {
  configurable: true,
  get(this: LazyResult): RunReport {
    const report = built?.call(this) as RunReport
    if (isReport(JSON.parse(JSON.stringify(report)))) return report
    throw new Error(`Not of form hop-run/1: ${JSON.stringify(isReport.errors)}`)
  },
})
