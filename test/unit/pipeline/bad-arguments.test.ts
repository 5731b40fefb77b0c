import * as api from '@opentelemetry/api'
import { describe, expect, it } from 'vitest'
import { instrument, toSpans } from '../../../src/integrations/opentelemetry/index.js'
import {
  defineHop,
  defineUpstream,
  fromGraph,
  mermaid,
  pipeline,
  provider,
  publicReport,
  serverTiming,
  staleFor,
  toServerSentEvents,
  waterfall,
} from '../../../src/pipeline/index.js'
import { createFakeClock } from '../../../src/testing/fake-clock.js'
import { FLAG, FUNCTION, notRefused, options, type Taker } from '../../support/bad-arguments.js'

const hop = defineHop({ name: 'a', call: () => 1 })
const inline = { run: () => 1 }
const own = fromGraph('p', { a: { hop } })
const define = (given: object) => defineHop({ name: 'a', call: () => 1, ...given } as never)
const cached = { in: { records: () => {} } }
// Types would refuse most of this.
const built = () => pipeline('p') as unknown as Record<'hop' | 'cache' | 'assemble', (...given: unknown[]) => unknown>

const WIRING = { needs: ['undefined', 'list', 'list of null'], when: FUNCTION, optional: FLAG, enabled: FLAG }
const SHARED = {
  breaker: ['undefined', 'object'],
  concurrency: ['undefined', '7'],
  retryBudget: ['undefined', 'object'],
}
const POLICIES = { timeout: ['undefined', 'null', '7'], retry: ['undefined', 'object'], ...SHARED }
const WHERE = {
  key: FUNCTION,
  ttl: ['undefined', '7'],
  tags: ['undefined', 'list', 'function'],
  scope: FUNCTION,
}

const DEFINING: readonly Taker[] = [
  ['defineHop', (value) => defineHop(value), []],
  ...options('defineHop', define, {
    name: ['text'],
    category: ['undefined', 'text', 'no text'],
    description: ['undefined', 'text', 'no text'],
    tags: ['undefined', 'list'],
    version: ['undefined', 'text', 'no text', '7', 'NaN'],
    upstream: ['undefined', 'text'],
    input: ['undefined'],
    output: ['undefined'],
    auth: FUNCTION,
    call: ['function'],
    usage: FUNCTION,
    idempotent: FLAG,
    cache: ['undefined'],
    fallback: ['undefined', 'list of null'],
    ...POLICIES,
  }),
  ...options('the cache of a hop', (given) => define({ cache: { ...cached, ...given } }), {
    in: [],
    cacheable: FUNCTION,
    ...WHERE,
  }),
  ['the name of a provider', (value) => provider(value, () => 1), ['text']],
  ['a provider', (value) => provider('b', value), ['function']],
  ['the options of a provider', (value) => provider('b', () => 1, value), ['undefined', 'object']],
  ['staleFor', (value) => staleFor(value), ['7']],
  ['the name of an upstream', (value) => defineUpstream(value, { clock: createFakeClock() }), ['text']],
  ['defineUpstream', (value) => defineUpstream('bad', value), ['undefined', 'object']],
  ...options('defineUpstream', (given) => defineUpstream('bad', { clock: createFakeClock(), ...given }), {
    ...SHARED,
    clock: ['undefined'],
  }),
]

const WIRED: readonly Taker[] = [
  ['pipeline', (value) => pipeline(value), ['text']],
  ['the options of a pipeline', (value) => pipeline('p', value), ['undefined', 'object']],
  ...options('pipeline', (given) => pipeline<number>('p', given).assemble(() => 1), {
    defaults: ['undefined', 'object'],
    deadline: ['undefined', '7'],
    reserve: ['undefined', '7'],
    failFast: FLAG,
    logger: FUNCTION,
    onRun: FUNCTION,
    clock: ['undefined'],
  }),
  ['the name of a hop', (value) => built().hop(value, hop), ['text']],
  ['a hop', (value) => built().hop('a', value), []],
  ['the definition of a hop', (value) => built().hop('a', { definition: value }), []],
  ['the wiring of a hop', (value) => built().hop('a', hop, value), ['undefined', 'object']],
  ...options('a wiring', (given) => built().hop('a', hop, given), { ...WIRING, input: FUNCTION }),
  ...options('a hop in place', (given) => built().hop('a', { ...inline, ...given }), { ...WIRING, run: ['function'] }),
  ['the cache of a pipeline', (value) => built().cache(value), []],
  ...options('the cache of a pipeline', (given) => built().cache({ ...cached, ...given }), { in: [], ...WHERE }),
  ['assemble', (value) => built().assemble(value), ['function']],
  ['the name of a graph', (value) => fromGraph(value, { a: { hop } }), ['text']],
  ['a graph', (value) => fromGraph('p', value), ['object']],
  ['an entry of a graph', (value) => fromGraph('p', { a: value }), []],
  ['a hop of a graph', (value) => fromGraph('p', { a: { hop: value } }), []],
  ['the options of a graph', (value) => fromGraph('p', { a: { hop } }, value), ['undefined', 'list', 'object']],
  ...options('a graph', (given) => fromGraph('p', { a: { hop, ...given } }), { ...WIRING, input: FUNCTION }),
]

const USED: readonly Taker[] = [
  ['the options of a run', (value) => own.run(1, value), ['undefined', 'object']],
  ...options('a run', (given) => own.run(1, given), {
    deadline: ['undefined', '7'],
    signal: ['undefined'],
    clients: ['undefined', 'object'],
    idempotencyKey: ['undefined', 'text'],
    priority: ['undefined'],
  }),
  ['mermaid', (value) => mermaid(value), []],
  ['publicReport', (value) => publicReport(value), []],
  ['serverTiming', (value) => serverTiming(value), []],
  ['waterfall', (value) => waterfall(value), []],
  ['toServerSentEvents', (value) => toServerSentEvents(value), []],
  ['the report of toSpans', (value) => toSpans(value, api), []],
  ['the API of toSpans', async (value) => toSpans((await own.run(1)).report, value), []],
  ['instrument', (value) => instrument(value), []],
  ...options('instrument', (given) => instrument({ api, ...given } as never).stop(), {
    api: [],
    stash: ['undefined'],
    pipelines: ['undefined', 'list'],
    spans: ['undefined'],
    clock: ['undefined'],
  }),
]

describe('what is no argument', () => {
  it.each([...DEFINING, ...WIRED, ...USED])('is refused with a code and a reason as %s', async (_, takes, fine) => {
    expect(await notRefused(takes, fine)).toEqual([])
  })

  it('is refused by a stream of events before its run begins', async () => {
    const events = own.stream(1, { deadline: 'soon' as never })
    await expect(events.next().then(() => events.next())).rejects.toMatchObject({ code: 'ERR_OPTION_INVALID' })
  })
})
