import { describe, expect, it } from 'vitest'
import { explore } from './explorer.js'
import { createFingerprints } from './fingerprints.js'
import { ALL_GUARDS } from './guards.js'
import { type Call, nameOfScenario, parseScenario, scenarios } from './scenarios.js'
import { witnessOf } from './witnesses.js'
import { DEFAULTS, type ModelOptions } from './world.js'

/** How much of what `run.mjs` explores to the end is explored here: 1 in CI. */
const SCALE = Number(process.env.SCALE ?? 1)
const SEED = Number(process.env.SEED ?? Date.now() % 1_000_000)

const FAULTY: ModelOptions = { ...DEFAULTS, faults: 1, failover: true }

describe('the model of the invalidation protocol', () => {
  it('keeps every promise in each scenario of up to two calls', () => {
    for (const calls of [...scenarios(1), ...scenarios(2)]) expectClean(calls, DEFAULTS)
  })

  it('keeps them with one call and a fault, a fail-over to a copy among them', () => {
    for (const calls of scenarios(1)) expectClean(calls, FAULTY)
  })

  it(`keeps them in a sample of three calls (SEED=${SEED})`, () => {
    for (const calls of sample(scenarios(3), 12)) expectClean(calls, DEFAULTS)
  })

  it(`keeps them in a sample of two calls and a fault (SEED=${SEED})`, () => {
    for (const calls of sample(scenarios(2), 3)) expectClean(calls, FAULTY)
  })

  it(`keeps them with a second key under the same tag (SEED=${SEED})`, () => {
    for (const calls of sample(scenarios(3, { keys: 2 }), 8)) expectClean(calls, DEFAULTS)
  })

  it(`keeps them with leases, and loads once per lease (SEED=${SEED})`, () => {
    const leases = { ...DEFAULTS, leases: true }
    for (const calls of sample(scenarios(3), 8)) expectClean(calls, leases)
    for (const text of ['Lp Lq', 'Lp Dq']) expectClean(parseScenario(text), { ...leases, faults: 1 })
  })

  it(`keeps them when a store that lost writes is replayed to (SEED=${SEED})`, () => {
    for (const calls of sample(scenarios(2), 2)) expectClean(calls, { ...FAULTY, onStoreRestart: 'replay' })
  })

  it(`keeps them for saves that are written through (SEED=${SEED})`, () => {
    for (const calls of scenarios(2, { operations: 'LDSTCOW' })) expectClean(calls, DEFAULTS)
    for (const calls of sample(scenarios(2, { operations: 'LDSTCOW' }), 2)) expectClean(calls, FAULTY)
  })

  it.each(ALL_GUARDS)('breaks without %s, and only without it', (guard) => {
    const { calls, options } = witnessOf(guard)
    expect(explore(calls, options).violation).toBeTruthy()
    expectClean(calls, { ...options, removed: [] }, 40_000)
  })
})

describe('the explorer', () => {
  it('says how it got to a violation, by the shortest way', () => {
    const { trace } = explore(parseScenario('Lp Op'), { ...DEFAULTS, removed: ['markerNotNow'] })
    expect(trace?.at(0)).toBe('Lp call')
    expect(trace).toContain('Op bump')
    expect(trace?.at(-1)).toBe('Lp write')
  })

  it('says when it was cut short', () => {
    expect(explore(parseScenario('Lp Lq'), DEFAULTS, 20)).toMatchObject({ capped: true })
    expect(explore(parseScenario('Lp Lq'), DEFAULTS)).toMatchObject({ capped: false })
  })

  it('lists each scenario once, whichever way round its processes and keys are named', () => {
    const names = scenarios(2).map(nameOfScenario)
    expect(new Set(names).size).toBe(names.length)
    expect(names.filter((name) => name.includes('L') && name.includes('D'))).toEqual(['Dp Lp', 'Dq Lp'])
    expect(names).not.toContain('Dp Tp')
  })

  it('refuses a call that it does not know', () => {
    expect(() => parseScenario('Lp Xq')).toThrow('got "Xq"')
  })

  it('knows a state that it has seen, and only that', () => {
    const seen = createFingerprints(2)
    const states = Array.from({ length: 10_000 }, (_, i) => new Uint32Array([i, i >> 3, 7]))
    expect(states.filter((state) => seen.add(state))).toHaveLength(states.length)
    expect(states.filter((state) => seen.add(state))).toHaveLength(0)
    expect(seen.size()).toBe(states.length)
  })
})

function expectClean(calls: readonly Call[], options: ModelOptions, limit = Number.POSITIVE_INFINITY): void {
  const { violation, trace } = explore(calls, options, limit)
  expect(violation && [nameOfScenario(calls), violation, ...(trace ?? [])]).toBeUndefined()
}

/** The same choice for the same seed. */
function sample<T>(all: readonly T[], count: number): T[] {
  const left = [...all]
  let state = SEED
  return Array.from({ length: Math.min(left.length, count * SCALE) }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return left.splice(Math.floor((state / 2 ** 32) * left.length), 1)[0]!
  })
}
