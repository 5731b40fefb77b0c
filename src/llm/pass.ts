import { notReplayable } from '../errors/load-error.js'
import { scrubText } from '../keys/secrets.js'
import type { Passing } from './call.js'
import { type ResolvedOptions, yesOrNo } from './fetch-options.js'

/** Where calls go that the cache does not answer. */
export interface Passage {
  /** The namespace's name. */
  readonly name: string
  readonly options: Pick<ResolvedOptions, 'allow' | 'scrub'>
  /** Whether nothing may go to the network that was not recorded. */
  replays(): boolean
}

/** Lets a request through as it is; in mode `replay` only one that the host allows. @throws {LoadError} `ERR_REPLAY_MISS` */
export function letThrough(passage: Passage, passing: Passing): Promise<Response> {
  if (passage.replays() && !isAllowed(passage, passing)) throw neverRecorded(passage, passing)
  return passing.pass()
}

/** `ERR_REPLAY_MISS` for a call whose recording is none. */
export function brokenRecording({ name }: Pick<Passage, 'name'>): Error {
  const what = `what namespace '${name}' has recorded for this call is no answer of a model`
  return notReplayable(name, what, 'Record it anew with CACHE_MODE=refresh.')
}

function isAllowed({ options }: Passage, { method, address }: Passing): boolean {
  if (!URL.canParse(address)) return false
  return yesOrNo('allow', options.allow({ method, url: new URL(address) }))
}

function neverRecorded({ name, options }: Passage, { method, address }: Passing): Error {
  const what = `${method} ${placeOf(address, options)} is nothing that namespace '${name}' records`
  return notReplayable(name, what, 'Take JSON requests in with `accept`; let others through with `allow`.')
}

// Without its query, where credentials may be.
function placeOf(address: string, { scrub }: Passage['options']): string {
  if (!URL.canParse(address)) return 'of something that is no URL'
  const { origin, pathname } = new URL(address)
  return scrubText(origin + pathname, scrub)
}
