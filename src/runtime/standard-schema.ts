/** The part of Standard Schema 1 (https://standardschema.dev) the package uses: zod, valibot and arktype speak it. */
export interface StandardSchema<Input = unknown, Output = Input> {
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    readonly validate: (value: unknown) => StandardResult<Output> | Promise<StandardResult<Output>>
    readonly types?: { readonly input: Input; readonly output: Output } | undefined
  }
}

/** Result of a validation: a value, or issues. */
export type StandardResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly StandardIssue[] }

/** One thing that does not fit. */
export interface StandardIssue {
  readonly message: string
  readonly path?: readonly unknown[] | undefined
}

/** Whether `value` can serve as a schema. */
export function isSchema(value: unknown): value is StandardSchema {
  if (value === null || (typeof value !== 'object' && typeof value !== 'function')) return false
  const standard = (value as Partial<StandardSchema>)['~standard']
  return typeof standard === 'object' && standard !== null && typeof standard.validate === 'function'
}

/** Where a value does not fit, at most five places; never what it is there (a schema's message may quote it). */
export function pathsOf(issues: readonly StandardIssue[]): readonly string[] {
  return [...new Set(issues.slice(0, 5).map((issue) => pathOf(issue?.path)))]
}

function pathOf(segments: unknown): string {
  let path = '$'
  // A schema of somebody's own may hand out anything.
  if (!Array.isArray(segments)) return path
  for (const segment of segments.slice(0, 12)) {
    const key = typeof segment === 'object' && segment !== null ? (segment as { readonly key?: unknown }).key : segment
    // A key of a record may be somebody's data; a short identifier is a field's name.
    if (typeof key === 'number') path += `[${key}]`
    else path += /^[A-Za-z_]\w{0,39}$/.test(String(key)) ? `.${String(key)}` : '.*'
  }
  return path
}
