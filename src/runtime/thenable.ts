/** Whether `value` settles later. */
export function isThenable<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return (
    ((typeof value === 'object' && value !== null) || typeof value === 'function') &&
    typeof (value as { readonly then?: unknown }).then === 'function'
  )
}

/** What a function of the host said: yes or no. @throws TypeError for a promise, which would count as yes whatever it comes to. */
export function saidYes(answer: unknown): boolean {
  if (!isThenable(answer)) return Boolean(answer)
  Promise.resolve(answer).catch(() => undefined)
  throw new TypeError('An answer was needed at once, and came as a promise')
}
