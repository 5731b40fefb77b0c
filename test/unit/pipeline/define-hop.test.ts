import { describe, expect, it } from 'vitest'
import {
  defineHop,
  fromGraph,
  type HopOptions,
  pipeline,
  provider,
  resilient,
  staleFor,
} from '../../../src/pipeline/index.js'
import { createFakeClock } from '../../../src/testing/fake-clock.js'
import { fakeRecords } from './fake-records.js'
import './valid-reports.js'

const call = () => 1
const define = (options: object) => () =>
  defineHop({ name: 'a', call, ...options } as HopOptions<
    unknown,
    unknown,
    unknown,
    unknown,
    undefined,
    undefined,
    undefined
  >)
const invalid = expect.objectContaining({ code: 'ERR_OPTION_INVALID' })

describe('defineHop', () => {
  it.each(['key', 'tags', 'scope', 'cacheable'])('refuses a `%s` of the cache that answers later', (option) => {
    const cache = { in: fakeRecords(createFakeClock()), [option]: async () => undefined }
    expect(define({ cache })).toThrow(invalid)
    expect(define({ cache })).toThrow(/`hop 'a'\.cache\.\w+` to be .*at once, received an async function/)
  })

  it('makes a frozen hop that says whether it has a fallback', () => {
    const hop = defineHop({ name: 'a', category: 'scoring', call, fallback: [0] })
    expect(hop).toMatchObject({ name: 'a', category: 'scoring', guarded: true })
    expect(Object.isFrozen(hop)).toBe(true)
    expect(defineHop({ name: 'a', call }).guarded).toBe(false)
  })

  it('does not change the options it is given', () => {
    const options = Object.freeze({
      name: 'a',
      call,
      retry: Object.freeze({ attempts: 2 }),
      fallback: Object.freeze([1]),
    })
    expect(() => defineHop(options)).not.toThrow()
  })

  it.each([
    [{ timout: '2s' }, 'Did you mean `timeout`?'],
    [{ retry: { attempt: 3 } }, 'Did you mean `attempts`?'],
    [{ breaker: { openfor: '1s' } }, 'Did you mean `openFor`?'],
    [{ concurrency: { limits: 3 } }, 'Did you mean `limit`?'],
    [{ cache: { in: fakeRecords(createFakeClock()), tll: '1s' } }, 'Did you mean `ttl`?'],
    [{ name: '' }, 'a letter, then'],
    [{ name: 'a b' }, 'a letter, then'],
    [{ name: '__proto__' }, 'a letter, then'],
    [{ name: 'then' }, 'a letter, then'],
    [{ name: 'x'.repeat(65) }, 'a letter, then'],
    [{ call: undefined }, 'a function'],
    [{ timeout: 0 }, 'longer than 0'],
    [{ timeout: -1 }, 'a duration'],
    [{ timeout: '5 parsecs' }, 'a duration'],
    [{ timeout: Number.NaN }, 'a duration'],
    [{ retry: { attempts: 0 } }, 'a whole number from 1'],
    [{ retry: { attempts: 1.5 } }, 'a whole number from 1'],
    [{ retry: { attempts: Number.POSITIVE_INFINITY } }, 'a whole number from 1'],
    [{ retry: { jitter: 'some' } }, "'full' or 'none'"],
    [{ retry: { factor: 0 } }, 'from 1 to 100'],
    [{ retry: { retryOn: 'always' } }, 'a function of the error'],
    [{ retry: true }, 'an object, or false'],
    [{ concurrency: 0 }, 'a whole number from 1'],
    [{ concurrency: { limit: 1, queue: -1 } }, 'a whole number from 0'],
    [{ breaker: { failureRate: 50 } }, 'Write 20 % as 0.2.'],
    [{ retryBudget: { ratio: -1 } }, 'a number from 0 to 1'],
    [{ input: { type: 'object' } }, 'Standard Schema'],
    [{ output: 7 }, 'Standard Schema'],
    [{ auth: 'Bearer token' }, 'Write `auth: () => token`.'],
    [{ cache: { in: new Map() } }, 'a namespace of a stash'],
    [{ cache: { in: fakeRecords(createFakeClock()), ttl: 'soon' } }, 'a duration'],
    [{ fallback: { skills: [] } }, 'a list of steps'],
    [{ fallback: [] }, 'written `[[]]`'],
  ])('refuses %j', (options, message) => {
    expect(define(options)).toThrow(invalid)
    expect(define(options)).toThrow(message)
  })

  it('refuses impossible fallback steps where they are made', () => {
    expect(() => staleFor('5 parsecs' as '5s')).toThrow(invalid)
    expect(() => provider('no good name', call)).toThrow(invalid)
    expect(() => provider('azure', undefined as never)).toThrow(invalid)
  })
})

describe('pipeline', () => {
  const hop = defineHop({ name: 'a', call })

  it.each([
    [{ deadlin: '3s' }, 'Did you mean `deadline`?'],
    [{ deadline: 'soon' }, 'a duration'],
    [{ reserve: -1 }, 'a duration'],
    [{ defaults: { timeouts: 1 } }, 'Did you mean `timeout`?'],
    [{ defaults: { retry: { attempts: 0 } } }, 'a whole number from 1'],
  ])('refuses %j', (options, message) => {
    expect(() => pipeline('p', options as object)).toThrow(message)
  })

  it('refuses names it cannot use', () => {
    expect(() => pipeline('')).toThrow(invalid)
    for (const name of ['input', 'assemble', 'a:b'])
      expect(() => pipeline<unknown>('p').hop(name, hop, {})).toThrow(invalid)
  })

  it('refuses a second hop of one name', () => {
    const twice = () =>
      pipeline<unknown>('p')
        .hop('a', hop, {})
        .hop('a' as 'b', hop, {})
        .assemble(() => 1)
    expect(twice).toThrow(expect.objectContaining({ code: 'ERR_NAME_TAKEN' }))
  })

  it('refuses a need that is no earlier hop, with the nearest name', () => {
    const typo = () =>
      pipeline<unknown>('p')
        .hop('loader', hop, {})
        .hop('b', hop, { needs: ['loder'] as never[] })
    expect(typo).toThrow(expect.objectContaining({ code: 'ERR_PIPELINE_INVALID' }))
    expect(typo).toThrow("Did you mean 'loader'?")
  })

  it('refuses wiring it does not know, and the options of another form of hop', () => {
    expect(() => pipeline<unknown>('p').hop('a', hop, { need: [] } as object)).toThrow('Did you mean `needs`?')
    expect(() => pipeline<unknown>('p').hop('a', hop, { when: true } as object)).toThrow('a function of the values')
    expect(() => pipeline<unknown>('p').hop('a', hop, { needs: 'b' } as object)).toThrow('a list of hop names')
    expect(() => pipeline<unknown>('p').hop('a', { run: call, call } as never)).toThrow('Unknown option `call`')
    expect(() => pipeline<unknown>('p').hop('a', { rum: call } as never)).toThrow('Did you mean `run`?')
  })

  it('refuses hops that share an upstream but not its limits', () => {
    const p = pipeline<unknown>('p')
      .hop('a', defineHop({ name: 'a', call, upstream: 'openai', concurrency: 2 }), {})
      .hop('b', defineHop({ name: 'b', call, upstream: 'openai', concurrency: 3 }), {})
    expect(() => p.assemble(() => 1)).toThrow("share upstream 'openai'")
  })

  it('refuses two modules of one name that would answer for each other from one namespace', () => {
    const [records, others] = [fakeRecords(createFakeClock()), fakeRecords(createFakeClock())]
    const ask = (model: string, more: object = {}) =>
      defineHop({ name: 'ask', call: () => model, cache: { in: records }, ...more })
    const of = (one: ReturnType<typeof ask>, two: ReturnType<typeof ask>) => () =>
      pipeline<unknown>('p')
        .hop('one', one, {})
        .hop('two', two, {})
        .assemble(() => 1)
    const same = ask('a')
    expect(of(same, ask('b'))).toThrow("hops 'one' and 'two' are two modules called 'ask'")
    expect(of(same, ask('b'))).toThrow(expect.objectContaining({ code: 'ERR_PIPELINE_INVALID' }))
    const call = ({ client }: { client: string }) => client
    expect(of(ask('a', { call, client: 'one' }), ask('a', { call, client: 'other' }))).toThrow(/answer for each other/)
    const elsewhere = (model: string) => ask(model, { cache: { in: others } })
    for (const apart of [same, ask('b', { version: 2 }), elsewhere('b')]) {
      expect(of(same, apart)).not.toThrow()
    }
    const third = pipeline<unknown>('p')
      .hop('zero', same, {})
      .hop('one', elsewhere('a'), {})
      .hop('two', elsewhere('b'), {})
    expect(() => third.assemble(() => 1)).toThrow("hops 'one' and 'two' are two modules called 'ask'")
  })

  it('refuses assemble without a function', () => {
    expect(() => pipeline<unknown>('p').assemble(undefined as never)).toThrow(invalid)
  })

  it('rejects a run with impossible options, and only such a run', async () => {
    const p = pipeline<unknown>('p').assemble(() => 1)
    await expect(p.run(1, { deadline: 'soon' as '1s' })).rejects.toMatchObject({ code: 'ERR_OPTION_INVALID' })
    await expect(p.run(1, { dedline: 1 } as object)).rejects.toThrow('Did you mean `deadline`?')
    await expect(p.run(1, { signal: {} as AbortSignal })).rejects.toThrow('an AbortSignal')
  })

  it('can be grown in several directions from one beginning', async () => {
    const base = pipeline<number>('p').hop('a', { run: ({ input }) => input })
    const one = base.hop('b', { needs: ['a'], run: ({ a }) => a + 1 }).assemble(({ b }) => b)
    const two = base.hop('b', { needs: ['a'], run: ({ a }) => a + 2 }).assemble(({ b }) => b)
    expect([(await one.run(1)).output, (await two.run(1)).output]).toEqual([2, 3])
  })
})

describe('resilient', () => {
  it('has the documented numbers, and a hop overrides them part by part', () => {
    expect(resilient).toEqual({
      timeout: '10s',
      retry: { attempts: 3, backoff: '200ms', factor: 2, maxBackoff: '5s', jitter: 'full', maxRetryAfter: '60s' },
      breaker: {
        consecutiveFailures: 5,
        failureRate: 0.5,
        minimumCalls: 10,
        window: '60s',
        openFor: '10s',
        halfOpenCalls: 1,
      },
      concurrency: { limit: 16, queue: 100 },
      retryBudget: { ratio: 0.2, min: 3, window: '10s' },
    })
    const p = pipeline<unknown>('p', { defaults: resilient })
      .hop('a', defineHop({ name: 'a', call, timeout: '2s', retry: { attempts: 2 }, concurrency: 8 }), {})
      .assemble(() => 1)
    expect(p.plan().hops[0]).toMatchObject({ timeoutMs: 2000, attempts: 2 })
  })
})

describe('fromGraph', () => {
  const hop = defineHop({ name: 'one', call })

  it('takes hops in any order and gives all their values', async () => {
    const p = fromGraph('g', { b: { hop, needs: ['a'] }, a: { hop } })
    expect(p.plan().order).toEqual(['a', 'b'])
    expect((await p.run(1)).output).toEqual({ a: 1, b: 1 })
  })

  it('refuses a cycle with its path', () => {
    const graph = {
      x: { hop, needs: ['a'] },
      a: { hop, needs: ['c'] },
      b: { hop, needs: ['a'] },
      c: { hop, needs: ['b'] },
    }
    expect(() => fromGraph('g', graph)).toThrow(expect.objectContaining({ code: 'ERR_PIPELINE_INVALID' }))
    expect(() => fromGraph('g', graph)).toThrow('a -> c -> b -> a')
    expect(() => fromGraph('g', { a: { hop, needs: ['a'] } })).toThrow('a -> a')
  })

  it('refuses unknown needs and what is no hop', () => {
    expect(() => fromGraph('g', { loader: { hop }, b: { hop, needs: ['loder'] } })).toThrow("Did you mean 'loader'?")
    expect(() => fromGraph('g', { a: { hop: {} as never } })).toThrow(invalid)
  })

  it('is not confused by a hop that is needed twice', async () => {
    const p = fromGraph('g', { a: { hop }, b: { hop, needs: ['a', 'a'] } })
    expect((await p.run(1)).status).toBe('ok')
  })
})

describe('an option that is undefined', () => {
  it('is one that is not there, and hides no default', () => {
    const p = pipeline<unknown>('p', { defaults: { retry: { attempts: 4 }, timeout: '3s' }, deadline: undefined })
      .hop('a', { run: () => 1, retry: { attempts: undefined, backoff: 0 }, timeout: undefined, cache: undefined })
      .assemble(({ a }) => a)
    expect(p.plan().hops[0]).toMatchObject({ attempts: 4, timeoutMs: 3000 })
  })

  it('is no client of a run either', async () => {
    const hop = defineHop({ name: 'a', client: () => 'real', call: ({ client }) => client() })
    const p = pipeline<unknown>('p')
      .hop('a', hop, {})
      .assemble(({ a }) => a)
    expect((await p.run(1, { clients: { a: undefined } })).output).toBe('real')
  })
})
