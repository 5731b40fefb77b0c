import { closed } from '../errors/load-error.js'
import { optionUnknown } from '../errors/option-error.js'
import { refuseArguments, requireObject } from './argument-checks.js'
import type { InvalidationMode } from './cells.js'
import { checkTags, oneOf } from './policy.js'
import type { NamespaceState } from './state.js'
import type { WriteResult } from './words.js'

const DONE: WriteResult = Object.freeze({ memory: 'done', store: 'none' })

/** Options of an invalidation by tag. */
export interface InvalidateOptions {
  /** `delete` leaves nothing to serve, `expire` keeps it for stale fallback. @defaultValue `'delete'` */
  readonly mode?: InvalidationMode | undefined
  /** Reject unless the shared store acknowledged. @defaultValue resolve with what happened per tier */
  readonly require?: 'store' | undefined
}

/** Makes every entry with one of the tags a miss, in the given namespaces of one stash: a number a tag, however many entries. */
export function invalidateTags(
  states: readonly NamespaceState[],
  tags: readonly string[],
  options: InvalidateOptions = {},
): WriteResult {
  checkTags(tags, 'tags')
  requireObject(options, 'options', 'an object with `mode`')
  for (const name of Object.keys(options)) {
    if (name !== 'mode' && name !== 'require')
      throw optionUnknown('the invalidateTags options', name, ['mode', 'require'])
  }
  const mode = oneOf(options.mode ?? 'delete', ['delete', 'expire'], 'mode')
  if (options.require !== undefined) oneOf(options.require, ['store'], 'require')
  const [first] = states
  if (first === undefined || tags.length === 0) return DONE
  if (first.live.closed) throw closed('The stash')
  const { coherence, clock } = first
  coherence.seq++
  coherence.generation++
  const now = Math.floor(clock.now())
  for (const state of states) for (const tag of tags) state.cells.invalidate(tag, coherence.seq, mode, now)
  return DONE
}

/** What a `clear` is asked for beside clearing. A key given to it would be a mistake that costs a whole namespace. */
export function clearOptions(
  given: readonly unknown[],
  method: string,
  hint: string,
): { readonly require?: 'store' } | undefined {
  const [options] = given
  if (options === undefined) return undefined
  const isOptions = typeof options === 'object' && options !== null && Object.keys(options).every(isRequire)
  if (!isOptions) refuseArguments(given, method, hint)
  const { require } = options as { readonly require?: 'store' }
  if (require !== undefined) oneOf(require, ['store'], 'require')
  return options as { readonly require?: 'store' }
}

function isRequire(name: string): boolean {
  return name === 'require'
}

/** Empties namespaces of one stash. Loads in flight keep their callers, but leave nothing behind. */
export function clear(states: readonly NamespaceState[]): WriteResult {
  const [first] = states
  if (first === undefined) return DONE
  if (first.live.closed) throw closed('The stash')
  first.coherence.seq++
  first.coherence.generation++
  for (const state of states) empty(state)
  return DONE
}

function empty(state: NamespaceState): void {
  for (const load of state.loads.values()) load.void = true
  state.fills.voidAll()
  state.loads.clear()
  state.saves.clear()
  state.negatives.clear()
  noteCleared(state)
  dropAll(state)
}

/** Takes all entries of a namespace away, at the same price however many there are. */
export function dropAll(state: NamespaceState): void {
  state.memory.clear()
  state.cells.reset(state.coherence.seq)
  state.shared?.forgetAll(state.name)
}

/** Remembers of the entries used last what became of them; of the others a miss will say that it does not know. */
function noteCleared(state: NamespaceState): void {
  let noted = 0
  for (const id of state.memory.ids()) {
    if (noted === MAX_NOTED) return void state.ghost.noteOthers()
    state.ghost.note(id, 'invalidated')
    noted++
  }
}
const MAX_NOTED = 256
