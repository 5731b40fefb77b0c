import { contractViolated } from '../errors/pipeline-error.js'
import { checkSchemaResult } from '../resilience/check-contract.js'
import { pathsOf, type StandardResult, type StandardSchema } from '../runtime/standard-schema.js'
import { tellOutcome } from '../runtime/tell-outcome.js'

/** Which contract of which hop. */
export interface ContractPlace {
  readonly hop: string
  readonly side: 'input' | 'output'
}

/** Passes `value` through `schema`, at once where it can be, and tells exactly one of `accept` and `refuse`. */
export function applyContract(
  schema: StandardSchema,
  value: unknown,
  { hop, side }: ContractPlace,
  accept: (value: unknown) => void,
  refuse: (error: unknown) => void,
): void {
  const decide = (result: StandardResult<unknown>): void => {
    try {
      checkSchemaResult(result)
    } catch (error) {
      refuse(error)
      return
    }
    if (result.issues === undefined) accept(result.value)
    else refuse(contractViolated(hop, side, pathsOf(result.issues)))
  }
  tellOutcome(() => schema['~standard'].validate(value), decide, refuse)
}
