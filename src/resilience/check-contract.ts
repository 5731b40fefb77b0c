import { type OptionError, optionHidden, optionInvalid } from '../errors/option-error.js'
import { contractUnmet } from '../errors/resilience-error.js'
import { isSchema, pathsOf, type StandardResult, type StandardSchema } from '../runtime/standard-schema.js'
import { checkShape, checkText } from './option-shape.js'

/** Options of {@link checkContract}. */
export interface ContractOptions {
  /** Whose contract it is, for the error. @defaultValue `'the call'` */
  readonly name?: string | undefined
  /** What goes in is the caller's mistake, and not retryable; what comes out may be better next time. @defaultValue `'output'` */
  readonly side?: 'input' | 'output' | undefined
}

/**
 * Passes a value through its schema; resolves with what the schema makes of it.
 *
 * Rejects with `ERR_CONTRACT`, which names the places that do not fit, never what is there.
 *
 * @throws OptionError `ERR_OPTION_INVALID`, as a rejection.
 * @example
 * import { checkContract } from 'hopstash/resilience'
 * import { z } from 'zod'
 * await checkContract(z.object({ score: z.number() }), { score: 7 }) // => { score: 7 }
 */
export async function checkContract<Out>(
  schema: StandardSchema<unknown, Out>,
  value: unknown,
  options: ContractOptions = {},
): Promise<Out> {
  if (!isSchema(schema)) throw optionInvalid('schema', 'a Standard Schema (zod, valibot, arktype)', schema)
  checkShape('checkContract', options, ['name', 'side'])
  const { name = 'the call', side = 'output' } = options
  checkText(name, 'name')
  if (side !== 'input' && side !== 'output') throw optionInvalid('side', "'input' or 'output'", side)
  const result = checkSchemaResult(await schema['~standard'].validate(value))
  if (result.issues === undefined) return result.value
  throw contractUnmet(name, side, pathsOf(result.issues))
}

/** Hands on what a schema answered; refuses what none may, without quoting it: it may be the value itself. @throws OptionError */
export function checkSchemaResult<Out>(result: StandardResult<Out>): StandardResult<Out> {
  if (typeof result !== 'object' || result === null) throw noStandard(result === null ? 'null' : typeof result)
  if (result.issues !== undefined && !Array.isArray(result.issues)) throw noStandard('`issues` that are no list')
  if (result.issues === undefined && !('value' in result)) throw noStandard('neither')
  return result
}

function noStandard(given: string): OptionError {
  const expected = 'a Standard Schema, whose `validate` gives an object with a `value` or a list of `issues`'
  return optionHidden('schema', expected, `one that gives ${given}`)
}
