import { AsyncLocalStorage } from 'node:async_hooks'

/** Remembers what an asynchronous call chain is part of. The browser build has a twin that remembers nothing. */
export interface AsyncContext<T> {
  /** Runs `call` as part of `value`. */
  run<R>(value: T, call: () => R): R
  current(): T | undefined
}

/** Returns an async context. It costs nothing until its first `run`; from then on promises are slower on Node 20. */
export function createAsyncContext<T>(): AsyncContext<T> {
  const storage = new AsyncLocalStorage<T>()
  return { run: (value, call) => storage.run(value, call), current: () => storage.getStore() }
}
