import { HopstashError } from './base-error.js'

/** What went wrong around a loader (`ERR_LOAD_TIMEOUT`, `ERR_LOAD_REENTRANT`, `ERR_NOT_CACHED`, `ERR_CLOSED`). */
export class LoadError extends HopstashError {
  override readonly name = 'LoadError'
}

/** `ERR_LOAD_TIMEOUT`: the loader did not settle within `hardTimeout`. */
export function loadTimeout(namespace: string, timeoutMs: number): LoadError {
  return new LoadError(
    `The loader of namespace '${namespace}' did not settle within ${timeoutMs} ms (\`hardTimeout\`). Raise it, or give the upstream call the \`signal\` the loader receives.`,
    { code: 'ERR_LOAD_TIMEOUT', retryable: true, context: { namespace, timeoutMs } },
  )
}

/** `ERR_LOAD_REENTRANT`: a loader asked for the key it is loading, and would wait for itself. */
export function loadReentrant(namespace: string): LoadError {
  return new LoadError(
    `The loader of namespace '${namespace}' asked for its own key and would wait for itself. Use another key inside the loader.`,
    { code: 'ERR_LOAD_REENTRANT', context: { namespace } },
  )
}

/** `ERR_NOT_CACHED`: `onlyIfCached` was asked for and nothing valid is there. */
export function notCached(namespace: string): LoadError {
  return new LoadError(
    `Nothing valid is cached in namespace '${namespace}' for this key, and \`onlyIfCached\` was asked for.`,
    {
      code: 'ERR_NOT_CACHED',
      context: { namespace },
    },
  )
}

/** `ERR_CLOSED`: the stash was closed; reads and loads still pass through, writes and invalidations do not. */
export function closed(what: string): LoadError {
  return new LoadError(`${what} was closed. Create a new one.`, { code: 'ERR_CLOSED', context: { what } })
}
