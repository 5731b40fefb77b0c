import { contractViolated } from '../errors/pipeline-error.js'
import { checkSchemaResult } from '../resilience/check-contract.js'
import { pathsOf, type StandardResult, type StandardSchema } from '../runtime/standard-schema.js'
import { isThenable } from '../runtime/thenable.js'

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
  let result: StandardResult<unknown> | Promise<StandardResult<unknown>>
  let later: boolean
  try {
    result = schema['~standard'].validate(value)
    later = isThenable(result)
  } catch (error) {
    refuse(error)
    return
  }
  if (later) Promise.resolve(result).then(decide, refuse)
  else decide(result as StandardResult<unknown>)
}
