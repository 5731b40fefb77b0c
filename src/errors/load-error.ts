import { HopstashError } from './base-error.js'

/** What went wrong around a loader (`ERR_LOAD_TIMEOUT`, `ERR_LOAD_REENTRANT`, `ERR_NOT_CACHED`, `ERR_REPLAY_MISS`, `ERR_CLOSED`). */
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

/** `ERR_LOAD_REENTRANT`: the same for a call that is shared and not stored. */
export function dedupeReentrant(): LoadError {
  return new LoadError('A shared call asked for its own key and would wait for itself. Use another key inside it.', {
    code: 'ERR_LOAD_REENTRANT',
  })
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

/**
 * `ERR_REPLAY_MISS`: mode `replay`, and this was never recorded. Names places of a request, never what is in them. The nearest
 * record is `'unknown'` where requests are not written.
 */
export function replayMiss(
  namespace: string,
  found: { readonly file: string; readonly paths: readonly string[] } | 'unknown' | undefined,
  problem: string | undefined,
): LoadError {
  const nearest = found === 'unknown' ? undefined : found
  const near =
    nearest === undefined
      ? found === 'unknown'
        ? 'Requests are not written there, so the nearest is not known; with another `secret` or encryption key nothing is found.'
        : 'Nothing like it is recorded there.'
      : nearest.paths.length === 0
        ? `The nearest, ${nearest.file}, has the same request: its file is not as it was written, or scope, version or name of the namespace differ.`
        : `The nearest is ${nearest.file}; it differs at ${nearest.paths.join(', ')}.`
  const trouble = problem === undefined ? near : `The store cannot be used: ${problem}`
  return new LoadError(
    `Mode 'replay', and this request to namespace '${namespace}' was never recorded; nothing went to the network. ${trouble} Record it with CACHE_MODE=record.`,
    { code: 'ERR_REPLAY_MISS', context: { namespace, nearest: nearest?.file, paths: nearest?.paths } },
  )
}

/** `ERR_REPLAY_MISS`: mode `replay`, and this is nothing that is ever recorded; `cure` says what the host may do. */
export function notReplayable(namespace: string, what: string, cure: string): LoadError {
  return new LoadError(`Mode 'replay', and ${what}; nothing went to the network. ${cure}`, {
    code: 'ERR_REPLAY_MISS',
    context: { namespace },
  })
}

/** `ERR_CLOSED`: the stash was closed; reads and loads still pass through, writes and invalidations do not. */
export function closed(what: string): LoadError {
  return new LoadError(`${what} was closed. Create a new one.`, { code: 'ERR_CLOSED', context: { what } })
}
