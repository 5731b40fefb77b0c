/**
 * Pure: what a failure is called: its code, else that of its cause, such as `ECONNREFUSED` of a `fetch failed`, else its class.
 * Never its message, which may quote the request.
 */
export function failureWord(error: unknown): string {
  if (typeof error !== 'object' || error === null) return typeof error
  const { code, cause, name } = error as { readonly code?: unknown; readonly cause?: unknown; readonly name?: unknown }
  const word = [code, (cause as { readonly code?: unknown } | null | undefined)?.code, name].find(isWord)
  return word ?? 'Error'
}

function isWord(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}
