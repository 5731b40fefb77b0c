import type { StandardResult, StandardSchema } from '../cache/standard-schema.js'
import { contractViolated } from '../errors/pipeline-error.js'
import { isThenable } from './thenable.js'

type Issues = readonly { readonly path?: readonly unknown[] | undefined }[]

/** Whether `value` can serve as a schema. */
export function isSchema(value: unknown): value is StandardSchema {
  if (value === null || (typeof value !== 'object' && typeof value !== 'function')) return false
  const standard = (value as Partial<StandardSchema>)['~standard']
  return typeof standard === 'object' && standard !== null && typeof standard.validate === 'function'
}

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
    if (result.issues === undefined) accept(result.value)
    else refuse(contractError(hop, side, result.issues))
  }
  let result: StandardResult<unknown> | Promise<StandardResult<unknown>>
  try {
    result = schema['~standard'].validate(value)
  } catch (error) {
    refuse(error)
    return
  }
  if (isThenable(result)) Promise.resolve(result).then(decide, refuse)
  else decide(result)
}

/** The error for `issues`: where the value does not fit, never what it is (a schema's message may quote it). */
function contractError(hop: string, side: 'input' | 'output', issues: Issues): Error {
  return contractViolated(hop, side, [...new Set(issues.slice(0, 5).map((issue) => pathOf(issue.path ?? [])))])
}

function pathOf(segments: readonly unknown[]): string {
  let path = '$'
  for (const segment of segments.slice(0, 12)) {
    const key = typeof segment === 'object' && segment !== null ? (segment as { readonly key?: unknown }).key : segment
    // A key of a record may be somebody's data; a short identifier is a field's name.
    if (typeof key === 'number') path += `[${key}]`
    else path += /^[A-Za-z_]\w{0,39}$/.test(String(key)) ? `.${String(key)}` : '.*'
  }
  return path
}
