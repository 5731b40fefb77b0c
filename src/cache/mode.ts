import { replayMiss } from '../errors/load-error.js'
import type { CacheMode } from '../runtime/settings.js'
import { stateOf } from './namespace-state.js'
import type { Asked } from './recording.js'
import type { NamespaceState } from './state.js'

/** How the stash of a namespace uses what is stored: for whoever goes to the network beside loaders. */
export function modeOf(namespace: unknown): CacheMode {
  return stateOf(namespace).recording.mode
}

/** `ERR_REPLAY_MISS`, with the nearest recorded request. Never rejects. */
export async function missedReplay(state: NamespaceState, asked: Asked): Promise<Error> {
  const { requests, problem } = state.recording
  const nearest = requests === undefined ? 'unknown' : await requests.nearest(state.name, asked).catch(() => undefined)
  return replayMiss(state.name, nearest, problem())
}

/** What a store that keeps requests is told of one; nothing where none does. */
export function describing(state: NamespaceState, asked: Asked): (() => string) | undefined {
  const { requests } = state.recording
  return requests && (() => requests.text(asked))
}
