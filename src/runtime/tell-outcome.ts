import { isThenable } from './thenable.js'

/**
 * Tells one of the two what a call came to: at once, or later where that is a promise. What cannot be looked at, because its
 * `then` throws, has failed.
 */
export function tellOutcome<T>(
  call: () => T | PromiseLike<T>,
  accept: (value: T) => void,
  refuse: (error: unknown) => void,
): void {
  let value: T | PromiseLike<T>
  let later: boolean
  try {
    value = call()
    later = isThenable(value)
  } catch (error) {
    refuse(error)
    return
  }
  if (later) Promise.resolve(value).then(accept, refuse)
  else accept(value as T)
}
