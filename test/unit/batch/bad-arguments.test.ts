import { describe, expect, it } from 'vitest'
import {
  batcher,
  combinedPrompt,
  combinePrompts,
  perItem,
  processGraph,
  processInBatches,
  streamInBatches,
} from '../../../src/batch/index.js'
import { FUNCTION, NUMBER, notRefused, options, type Taker } from '../../support/bad-arguments.js'

const rows = (items: readonly unknown[]) => [...items]
const answer = () => ({ answers: { a: 1 } })
const collect = (options: object) => batcher({ load: rows, ...options } as never)
const combine = (options: object) => combinePrompts({ tasks: [{ id: 'a' }], ask: answer, ...options } as never)
const graph = (options: object) => processGraph([{ id: 'a' }], { run: () => 1, ...options } as never)
const inBatches = (options: object) => processInBatches([1], rows, options as never)

const LIMITS = { timeout: ['undefined', '7'], signal: ['undefined'], clock: ['undefined'] }

const TAKERS: readonly Taker[] = [
  ['batcher', (value) => batcher(value), []],
  ['the signal of a call', (value) => collect({})(1 as never, { signal: value }), ['undefined']],
  ...options('batcher', collect, {
    load: ['function'],
    maxItems: NUMBER,
    maxTokens: ['undefined'],
    tokensOf: ['undefined'],
    maxWait: NUMBER,
    concurrency: NUMBER,
    queue: NUMBER,
    timeout: ['undefined', '7'],
    in: ['undefined'],
    key: FUNCTION,
    name: ['undefined'],
    ttl: ['undefined'],
    tags: ['undefined'],
    scope: ['undefined'],
    clock: ['undefined'],
  }),
  ['combinePrompts', (value) => combinePrompts(value), []],
  ...options('combinePrompts', combine, {
    tasks: ['list'],
    ask: ['function'],
    schema: FUNCTION,
    in: ['undefined'],
    name: ['undefined', 'text'],
    key: FUNCTION,
    ttl: ['undefined', '7'],
    staleIfError: NUMBER,
    tags: ['undefined', 'list', 'function'],
    scope: ['undefined', 'text', 'no text'],
    maxTasks: NUMBER,
    concurrency: NUMBER,
    fallback: FUNCTION,
    tokensOf: FUNCTION,
    ...LIMITS,
  }),
  ['combinedPrompt', (value) => combinedPrompt(value), ['list']],
  ['what combinedPrompt calls', (value) => combinedPrompt([{ id: 'a' }], value), FUNCTION],
  ['the items of processGraph', (value) => processGraph(value, { run: () => 1 }), ['list', 'list of null']],
  ['processGraph', (value) => processGraph([1], value), []],
  ...options('processGraph', graph, {
    run: ['function'],
    id: FUNCTION,
    dependsOn: ['undefined'],
    touches: ['undefined'],
    merge: ['undefined'],
    concurrency: NUMBER,
    ...LIMITS,
  }),
  ['the items of processInBatches', (value) => processInBatches(value, rows), ['list', 'list of null']],
  ['what processInBatches calls', (value) => processInBatches([1], value), ['function']],
  ['processInBatches', (value) => processInBatches([1], rows, value), ['undefined', 'object']],
  ...options('processInBatches', inBatches, {
    batchSize: [...NUMBER, 'object'],
    concurrency: NUMBER,
    groupBy: FUNCTION,
    onProgress: FUNCTION,
    onCheckpoint: FUNCTION,
    resume: ['undefined'],
    ...LIMITS,
  }),
  ['the items of streamInBatches', (value) => streamInBatches(value, rows), ['list', 'list of null']],
  ['what streamInBatches calls', (value) => streamInBatches([1], value), ['function']],
  ['streamInBatches', (value) => streamInBatches([1], rows, value), ['undefined', 'object']],
  ['the order of streamInBatches', (value) => streamInBatches([1], rows, { ordered: value }), ['undefined', 'true']],
  ['perItem', (value) => perItem(value), ['function']],
  ['the options of perItem', (value) => perItem(() => 1, value), ['undefined', 'object']],
  ['concurrency of perItem', (value) => perItem(() => 1, { concurrency: value }), NUMBER],
]

describe('what is no argument', () => {
  it.each(TAKERS)('is refused with a code and a reason as %s', async (_, takes, fine) => {
    expect(await notRefused(takes, fine)).toEqual([])
  })
})
