import { AsyncLocalStorage, AsyncResource } from 'node:async_hooks'

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

/**
 * Returns what runs calls as part of the asynchronous call chain it was made in: whoever waits for a timer or in line is
 * gone on with by somebody else, and a function of the host must find its own request.
 */
export function thisContext(): (call: () => void) => void {
  const context = new AsyncResource('hopstash')
  return (call) => context.runInAsyncScope(call)
}

/**
 * Returns `call` so that it runs as part of the asynchronous call chain it is handed over in, whoever calls it: an answer that
 * came for several callers at once is told to each in turn, and a function of the host must find its own request.
 */
export function inThisContext<T>(call: (answer: T) => void): (answer: T) => void {
  const context = new AsyncResource('hopstash')
  return (answer) => context.runInAsyncScope(call, undefined, answer)
}

const nobodys = new AsyncResource('hopstash')

/**
 * A promise of a value, for as long as the value is kept. Up to Node 22 a promise holds on to the context it is made in: the
 * request of whoever came first, with all that it has, as long as an entry lives.
 */
export function keptPromise<T>(value: T): Promise<T> {
  return nobodys.runInAsyncScope(resolved, undefined, value) as Promise<T>
}

function resolved(value: unknown): Promise<unknown> {
  return Promise.resolve(value)
}
