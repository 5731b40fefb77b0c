/** The names in fields of `Vary`, in lower case, each once. */
export function namesIn(fields: readonly (string | null | undefined)[]): string[] {
  const names = fields.flatMap((field) => field?.split(',') ?? []).map((name) => name.trim().toLowerCase())
  return [...new Set(names)].filter((name) => name !== '')
}

/** What may vary before the route without its body: answers to other sites, and how a body is encoded behind the route. */
const OUTSIDE = ['origin', 'access-control-request-method', 'access-control-request-headers', 'accept-encoding']

/** What a response varies by, whoever said so: who makes pages in several languages often says so before the route. */
export function ownVary(fields: readonly string[], before: string | null | undefined): string[] {
  const outside = namesIn([before]).filter((name) => OUTSIDE.includes(name))
  return namesIn([...fields, before]).filter((name) => !outside.includes(name))
}
