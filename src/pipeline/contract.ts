import type { StandardSchema } from '../cache/standard-schema.js'
import { contractViolated } from '../errors/pipeline-error.js'

type Issues = readonly { readonly path?: readonly unknown[] | undefined }[]

/** Whether `value` can serve as a schema. */
export function isSchema(value: unknown): value is StandardSchema {
  if (value === null || (typeof value !== 'object' && typeof value !== 'function')) return false
  const standard = (value as Partial<StandardSchema>)['~standard']
  return typeof standard === 'object' && standard !== null && typeof standard.validate === 'function'
}

/** The error for `issues`: where the value does not fit, never what it is (a schema's message may quote it). */
export function contractError(hop: string, side: 'input' | 'output', issues: Issues): Error {
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
