import { optionInvalid } from '../errors/option-error.js'
import { createIndexRanges, type IndexRange } from './index-ranges.js'

/**
 * How far a run has come; plain data, to be kept as JSON and handed to a later run as `resume`.
 *
 * Bounded: at most 1,000 ranges. Where failures are so scattered that there would be more, ranges are joined, and a later
 * run does some items again that were done.
 */
export interface BatchCheckpoint {
  readonly version: 1
  /** Items that were read: all before this place that are not in `todo` are done. */
  readonly next: number
  /** Places that were read and are not done: failed, cancelled, or under way. From the first up to but without the last. */
  readonly todo: readonly IndexRange[]
  /** How many items there are, where that is known. */
  readonly total: number | null
}

const MAX_RANGES = 1000

/** Keeps account of what is done. */
export interface Progression {
  isDone(index: number): boolean
  read(index: number): void
  done(index: number): void
  checkpoint(): BatchCheckpoint
}

/** Returns the account of a run, begun where `resume` ended. @throws OptionError `ERR_OPTION_INVALID` */
export function createProgression(resume: BatchCheckpoint | undefined, total: number | undefined): Progression {
  if (resume !== undefined) checkCheckpoint(resume, total)
  const before = resume?.next ?? 0
  const todo = resume?.todo ?? []
  const open = createIndexRanges(MAX_RANGES)
  let next = 0
  let at = 0

  return {
    isDone(index) {
      if (index >= before) return false
      // Asked in rising order, so that the ranges are walked once.
      while (at < todo.length && index >= (todo[at] as IndexRange)[1]) at++
      const range = todo[at]
      const done = range === undefined || index < range[0]
      if (done) next = index + 1
      return done
    },
    read(index) {
      next = index + 1
      open.append(index)
    },
    done: (index) => open.remove(index),
    checkpoint() {
      // A run that ended early has not come as far as the one it resumed: what was open there still is.
      const left = todo.filter(([, to]) => to > next).map(([from, to]) => [Math.max(from, next), to] as const)
      return { version: 1, next: Math.max(next, before), todo: [...open.list(), ...left], total: total ?? null }
    },
  }
}

function checkCheckpoint(resume: BatchCheckpoint, total: number | undefined): void {
  const { version, next, todo, total: totalThen } = (resume ?? {}) as BatchCheckpoint
  const places = Array.isArray(todo) ? todo.flat() : [-1]
  const rising = places.every((place, at) => Number.isSafeInteger(place) && place >= (places[at - 1] ?? 0))
  if (version !== 1 || !Number.isSafeInteger(next) || next < 0 || !rising || (places.at(-1) ?? 0) > next) {
    throw optionInvalid('resume', 'what `onCheckpoint` was given', resume)
  }
  if (total !== undefined && totalThen !== null && totalThen !== total) {
    throw optionInvalid('resume', `a checkpoint of these ${total} items`, `one of ${totalThen}`)
  }
}
