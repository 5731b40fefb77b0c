import { formatDuration } from '../runtime/duration.js'
import { About, type Entry } from './entry.js'
import type { Freshness } from './freshness.js'
import type { NamespaceState } from './state.js'

/** What a read would do now. */
export type NextRead =
  | 'hit'
  | 'hit and refresh'
  | 'stale'
  | 'stale and refresh'
  | 'load'
  | 'load, stale if it fails'
  | 'join the load under way'
  | 'ask the shared store, load if it has nothing'
  | 'ask the shared store, load if it has nothing, stale if that fails'
  | 'ask the shared store, stale if it has nothing'
  | 'ask the shared store, fail if it has nothing'
  | 'fail'

/** The same with its reason, where it has one of its own. */
export interface Forecast {
  readonly next: NextRead
  readonly why: string | undefined
}

const SENTENCES: Readonly<Record<NextRead, string>> = {
  hit: 'is a hit',
  'hit and refresh': 'is a hit, and refreshes it behind',
  stale: 'gets it',
  'stale and refresh': 'gets it, and refreshes it behind',
  load: 'loads',
  'load, stale if it fails': 'loads, and gets it if that fails',
  'join the load under way': 'joins the load under way',
  'ask the shared store, load if it has nothing': 'asks the shared store, and loads if it has nothing',
  'ask the shared store, load if it has nothing, stale if that fails':
    'asks the shared store, loads if it has nothing, and gets it if that fails',
  'ask the shared store, stale if it has nothing': 'asks the shared store, and gets it if there is nothing',
  'ask the shared store, fail if it has nothing': 'asks the shared store, and fails if it has nothing',
  fail: 'fails',
}

/** Says it for people; what memory holds is called "it". */
export function sentenceOf({ next, why }: Forecast): string {
  return `the next read ${SENTENCES[next]}${why === undefined ? '' : ` (${why})`}`
}

/** What a read without options does: the decisions of `read`, without their effects. */
export function forecast(
  state: NamespaceState,
  id: string,
  entry: Entry | undefined,
  freshness: Freshness,
  now: number,
): Forecast {
  if (freshness === 'fresh') return { next: 'hit', why: undefined }
  const isLoading = state.loads.has(id)
  const backOffMs = entry?.about instanceof About ? entry.about.retryAt - now : 0
  const leftAlone = backOffMs > 0 ? `the last load failed, and none begins for ${formatDuration(backOffMs)}` : undefined
  if (freshness === 'refresh' || freshness === 'stale') {
    const why = leftAlone ?? (isLoading ? 'a load is under way' : undefined)
    const status = freshness === 'refresh' ? 'hit' : 'stale'
    return { next: why === undefined ? `${status} and refresh` : status, why }
  }
  if (freshness === 'error-only' && leftAlone !== undefined) return { next: 'stale', why: leftAlone }
  const remembered = state.negatives.get(id)
  if (remembered !== undefined && now < remembered.until && remembered.generation === state.coherence.generation) {
    return { next: 'fail', why: `the last error is remembered for ${formatDuration(remembered.until - now)}` }
  }
  if (isLoading) return { next: 'join the load under way', why: undefined }
  const isReplay = state.recording.mode === 'replay'
  return {
    next: withoutEntry(state, freshness === 'error-only', isReplay),
    why: isReplay ? "mode 'replay'" : undefined,
  }
}

function withoutEntry(state: NamespaceState, standsIn: boolean, isReplay: boolean): NextRead {
  const { shared, live } = state
  // A store that is away, or was closed, is not asked.
  if (shared === undefined || shared.link.away || live.closed) {
    if (isReplay) return standsIn ? 'stale' : 'fail'
    return standsIn ? 'load, stale if it fails' : 'load'
  }
  if (isReplay) {
    return standsIn ? 'ask the shared store, stale if it has nothing' : 'ask the shared store, fail if it has nothing'
  }
  return standsIn
    ? 'ask the shared store, load if it has nothing, stale if that fails'
    : 'ask the shared store, load if it has nothing'
}
