import type { Operation } from './scenarios.js'

/**
 * Where a call is. A command is two steps, its execution in the store and its reply; a reply that changes nothing here
 * is merged with the execution of the next command.
 */
export const CALLED = 1

/** getOrSet without a usable memory entry; also a refresh behind a stale one, and a re-validation. */
export const LOAD = {
  readEntry: CALLED,
  readMarkers: 2,
  markersReply: 3,
  takeToken: 4,
  follow: 5,
  runLoader: 6,
  loaded: 7,
  ensure: 8,
  write: 9,
  written: 10,
} as const
export const DELETE = { kill: CALLED, publish: 2, reply: 3 } as const
export const SET = { stamp: CALLED, write: 2, publish: 3, reply: 4 } as const
export const INVALIDATE = { bump: CALLED, reply: 2 } as const
export const SAVE = {
  takeToken: CALLED,
  stamp: 2,
  save: 3,
  ensure: 4,
  write: 5,
  settle: 6,
  publish: 7,
  reply: 8,
} as const
export const ENDED = 99

const PHASES = { L: LOAD, D: DELETE, S: SET, T: INVALIDATE, C: INVALIDATE, O: INVALIDATE, W: SAVE } as const

/** Phases whose next step is the execution of a command. The rest are replies, loaders and saves. */
const AWAITS_STORE: Record<Operation, readonly number[]> = {
  L: [LOAD.readEntry, LOAD.readMarkers, LOAD.takeToken, LOAD.ensure, LOAD.write],
  D: [DELETE.kill, DELETE.publish],
  S: [SET.stamp, SET.write, SET.publish],
  T: [INVALIDATE.bump],
  C: [INVALIDATE.bump],
  O: [INVALIDATE.bump],
  W: [SAVE.takeToken, SAVE.stamp, SAVE.ensure, SAVE.write, SAVE.settle, SAVE.publish],
}

export function awaitsStore(operation: Operation, phase: number): boolean {
  return AWAITS_STORE[operation].includes(phase)
}

export function nameOfPhase(operation: Operation, phase: number): string {
  return Object.entries(PHASES[operation]).find(([, value]) => value === phase)?.[0] ?? `phase ${phase}`
}

export function inFlight(phase: number): boolean {
  return phase > 0 && phase !== ENDED
}
