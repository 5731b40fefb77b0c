import { notCached } from '../errors/load-error.js'
import { requireLoader } from './argument-checks.js'
import { checkReadOptions, type ReadOptions } from './call-options.js'
import { awaitLoad, startLoad } from './load.js'
import type { Loader } from './loader.js'
import { timed, told } from './observe-read.js'
import { type CacheOutcome, createOutcome } from './outcome.js'
import type { NamespaceState } from './state.js'

/** The key cannot be told from others, so nothing is shared or kept: the loader answers this one caller. */
export function bypass(
  state: NamespaceState,
  key: unknown,
  loader: Loader<unknown>,
  options: ReadOptions | undefined,
  error: unknown,
): Promise<unknown> {
  if (!state.channel.hasSubscribers) return passThrough(state, key, loader, options, error, undefined)
  const startedAt = state.clock.now()
  const outcome = createOutcome('getOrSet', state.name)
  outcome.status = 'bypass'
  outcome.cause = 'bypass'
  return told(state, outcome, startedAt, passThrough(state, key, loader, options, error, outcome))
}

function passThrough(
  state: NamespaceState,
  key: unknown,
  loader: Loader<unknown>,
  options: ReadOptions | undefined,
  error: unknown,
  outcome: CacheOutcome | undefined,
): Promise<unknown> {
  if (state.live.policy.strict || state.requireScope) return Promise.reject(error)
  try {
    requireLoader(loader)
    if (options !== undefined) checkReadOptions(options)
  } catch (invalid) {
    return Promise.reject(invalid)
  }
  state.counters.bypassed++
  state.counters.missCauses.bypass++
  if (options?.onlyIfCached === true) return Promise.reject(notCached(state.name))
  if (options?.signal?.aborted) return Promise.reject(options.signal.reason)
  const request = { id: '\u0000', input: key, loader, options: { ...options, noStore: true } }
  if (outcome !== undefined) outcome.tier = 'loader'
  const load = startLoad(state, outcome === undefined ? request : timed(state, request, outcome), undefined)
  awaitLoad(state, load)
  return load.flight.join(options?.signal)
}
