/** Every rule of the protocol that closes a race, each removable, so that a run can show the race it closes. */
export const GUARDS = {
  token: 'a load writes only with the token it took',
  tokenFirst: 'the loader starts after its token is in the store',
  tokenUnique: 'a new token is a new random id',
  deleteTakesToken: 'delete removes the token',
  setTakesToken: 'set removes the token',
  stampAtStart: 'an entry is stamped with the seq read before its load, not at its write',
  absentIsMiss: 'an entry whose marker is absent is a miss',
  markerFromLog: 'an absent marker is never re-made from the startSeq of its writer',
  markerNotNow: 'an absent marker is re-made from log or floor, not at the current seq',
  markerIncarnation: 'markers carry the incarnation',
  entryIncarnation: 'entries carry the incarnation',
  oneControlKey: 'seq and incarnation are one stored key',
  logWithMarker: 'the log is written together with the marker',
  adopt: 'an unknown incarnation in a reply or a message starts an epoch',
  adoptDrops: 'a new incarnation drops memory, also for service during an outage',
  cellsForgotten: 'cells are forgotten with their incarnation',
  cellsFirst: 'a cell exists before the marker read that concerns it is sent',
  cellsCompared: 'promotion and hit compare the cells',
  cellsHeld: 'a cell stays while an entry or a flight points at it',
  deleteTouches: 'delete drops memory and touches the key when the store has answered',
  setTouches: 'an answered set touches the key',
  messageTouches: 'a message about a key drops memory and touches the key',
  loadTouches: 'an answered load, or store read, touches the key',
  touchedFillsNothing: 'what was touched since it began does not fill memory',
  touchedEmpties: 'what was touched since it began empties memory when it is answered',
  epochAtStart: 'a memory entry gets the epoch of its flight, taken at the start',
  epochAtGap: 'a noticed gap starts an epoch',
  epochAtSubscription: 'a confirmed subscription starts an epoch',
  deafRevalidates: 'while deaf, memory is re-validated on every read',
  revalidateEntry: 're-validation compares the stored entry, not only its markers',
  lateJoiners:
    'who comes after an invalidation, a gap or its end does not share a flight from before it: he reads again when it is over',
  quietOutage: 'an unconfirmed value is kept only if no invalidation came meanwhile',
  outageEnds: 'unconfirmed values are dropped when the link is back, so that no later outage serves them',
  replayFirst: 'replay comes before any other command',
  replayAsDelete: 'a failed set is replayed as a delete',
  deadline: 'value writes carry a deadline in store time',
  runId: 'a store that came back from a copy is noticed by its run id before any other command',
} as const

/** Guards of the options: without the option there is nothing they could break. */
export const OPTION_GUARDS = {
  restartJumps: 'the first process to see a new run id moves seq beyond every number that may have been lost',
  restartReissues: 'each process re-issues its recent invalidations before any other command',
  saveToken: 'writeThrough takes a token before it saves, and writes only with that',
  saveRefusedDeletes: 'a writeThrough whose write is refused deletes the key',
  saveTouches: 'an answered writeThrough touches the key',
  leaseExclusive: 'who finds a lease does not load',
  leaseLooksAgain: 'the script that grants a lease compares the entry with the one that the reader saw',
  leaseLapses: 'a follower wakes when the lease lapses, not only by notification',
} as const

export type Guard = keyof typeof GUARDS | keyof typeof OPTION_GUARDS

export const ALL_GUARDS = [...Object.keys(GUARDS), ...Object.keys(OPTION_GUARDS)] as Guard[]

/** Which guards hold in a run: all but the named ones. */
export function guardsWithout(removed: readonly Guard[]): Record<Guard, boolean> {
  return Object.fromEntries(ALL_GUARDS.map((guard) => [guard, !removed.includes(guard)])) as Record<Guard, boolean>
}
