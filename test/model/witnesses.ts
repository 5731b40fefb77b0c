import type { Guard } from './guards.js'
import { type Call, parseScenario } from './scenarios.js'
import { DEFAULTS, type ModelOptions } from './world.js'

/** For each guard the smallest scenario known to break without it: the calls, and what else may happen. */
const WITNESSES: Record<Guard, readonly [calls: string, options?: Partial<ModelOptions>]> = {
  token: ['Lp Dp'],
  tokenFirst: ['Lp Dp'],
  tokenUnique: ['Lp Lp Dp'],
  deleteTakesToken: ['Lp Dp'],
  setTakesToken: ['Lp Sp'],
  stampAtStart: ['Lp Tp'],
  absentIsMiss: ['Lp Tp', { faults: 1 }],
  markerFromLog: ['Lp Lq Op'],
  markerNotNow: ['Lp Op'],
  markerIncarnation: ['Lp Tp', { faults: 1 }],
  entryIncarnation: ['Lp Tp', { faults: 1 }],
  oneControlKey: ['Lp Tp', { faults: 1 }],
  logWithMarker: ['Lp Tp', { faults: 1 }],
  adopt: ['Lp Tp', { faults: 1 }],
  adoptDrops: ['Lp Tp', { faults: 2 }],
  cellsForgotten: ['Lp Tp', { faults: 1 }],
  cellsFirst: ['Lp Lq Tp'],
  cellsCompared: ['Lp Tp'],
  cellsHeld: ['Lp Tp'],
  deleteTouches: ['Lp Dp'],
  setTouches: ['Lp Sp'],
  messageTouches: ['Lp Dq'],
  loadTouches: ['Lp Sp Sq'],
  touchedFillsNothing: ['Lp Dp'],
  touchedEmpties: ['Lp Sp Sq'],
  epochAtStart: ['Lp Dq', { faults: 1 }],
  epochAtGap: ['Lp Dq', { faults: 1 }],
  epochAtSubscription: ['Lp Dq', { faults: 1 }],
  deafRevalidates: ['Lp Dq', { faults: 1 }],
  revalidateEntry: ['Lp Dq', { faults: 1 }],
  lateJoiners: ['Lp Tp'],
  quietOutage: ['Lp Tp', { faults: 1 }],
  outageEnds: ['Lp Tp', { faults: 2 }],
  replayFirst: ['Lp Lp Dp', { faults: 1 }],
  replayAsDelete: ['Sp Sq', { faults: 1 }],
  deadline: ['Sp Sq', { faults: 1 }],
  runId: ['Lp Dp', { faults: 1, failover: true }],
  restartJumps: ['Lp Cq', { faults: 1, failover: true, onStoreRestart: 'replay' }],
  restartReissues: ['Lp Dp', { faults: 1, failover: true, onStoreRestart: 'replay' }],
  saveToken: ['Wp Wq'],
  saveRefusedDeletes: ['Sp Wp'],
  saveTouches: ['Lp Wp'],
  leaseExclusive: ['Lp Lq', { leases: true }],
  leaseLooksAgain: ['Lp Lq', { leases: true }],
  leaseLapses: ['Lp Lq', { leases: true, faults: 1 }],
}

export function witnessOf(guard: Guard): { calls: Call[]; options: ModelOptions } {
  const [calls, options] = WITNESSES[guard]
  return { calls: parseScenario(calls), options: { ...DEFAULTS, ...options, removed: [guard] } }
}
