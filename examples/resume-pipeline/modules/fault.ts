/**
 * What goes wrong in a module, on purpose.
 *
 * `none` answers as usual. `down` resets the connection. `error` answers 500 (or `status`, with `retryAfterSeconds` as
 * `Retry-After`). `slow` answers as usual, `ms` milliseconds later. `wrong-payload` answers 200 with a body that breaks
 * the module's contract. `wrong-token` answers 401 to everybody, as after a key rotation that missed the caller. `hang`
 * takes the request and never answers. Every kind but `none` may carry `times`: after so many requests it is over.
 */
export type Fault =
  | { kind: 'none' }
  | { kind: 'down'; times?: number }
  | { kind: 'error'; status?: number; retryAfterSeconds?: number; times?: number }
  | { kind: 'slow'; ms: number; times?: number }
  | { kind: 'wrong-payload'; times?: number }
  | { kind: 'wrong-token'; times?: number }
  | { kind: 'hang'; times?: number }

/** The fault that this request meets, and the one that waits for the next. */
export function nextFault(fault: Fault): { now: Fault; later: Fault } {
  if (fault.kind === 'none' || fault.times === undefined) return { now: fault, later: fault }
  if (fault.times <= 0) return { now: { kind: 'none' }, later: { kind: 'none' } }
  return { now: fault, later: { ...fault, times: fault.times - 1 } }
}
