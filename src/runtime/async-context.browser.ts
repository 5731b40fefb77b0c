import type { AsyncContext } from './async-context.js'

/** Browsers cannot follow an asynchronous call chain yet: `current` is always `undefined`. */
export function createAsyncContext<T>(): AsyncContext<T> {
  return { run: (_value, call) => call(), current: () => undefined }
}

/** There is no context to keep. */
export function inThisContext<T>(call: (answer: T) => void): (answer: T) => void {
  return call
}

/** There is no context to hold on to. */
export function keptPromise<T>(value: T): Promise<T> {
  return Promise.resolve(value)
}
