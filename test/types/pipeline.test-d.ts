import type { IncomingHttpHeaders } from 'node:http'
import { describe, expectTypeOf, it } from 'vitest'
import { z } from 'zod'
import type { RecordHost } from '../../src/cache/records.js'
import type { Pool } from '../../src/http/index.js'
import {
  type Duration,
  deadlineFrom,
  defineHop,
  defineUpstream,
  fromGraph,
  type HopCacheStatus,
  type HopPolicies,
  type HopReport,
  type Pipeline,
  type ProviderContext,
  pipeline,
  provider,
  publicReport,
  type RunReport,
  resilient,
  staleFor,
  toServerSentEvents,
} from '../../src/pipeline/index.js'

declare const namespace: RecordHost
declare const client: { post(path: string, body: unknown, options: { signal: AbortSignal }): Promise<unknown> }

const skills = z.object({ skills: z.array(z.string()) })
const loader = defineHop({
  name: 'loader',
  call: async ({ input }: { input: { resume: string } }) => ({ text: input.resume }),
})
const score = defineHop({
  name: 'score',
  input: z.object({ text: z.string(), boost: z.number().default(1) }),
  output: skills,
  client,
  auth: () => 'token',
  call: ({ input, client: module, signal, auth }) => {
    expectTypeOf(input).toEqualTypeOf<{ text: string; boost: number }>()
    expectTypeOf(auth).toEqualTypeOf<string>()
    return module.post('/score', input, { signal })
  },
  cache: { in: namespace, key: ({ input }) => ({ type: 'svm', data: input.text }) },
  fallback: [
    staleFor('1d'),
    provider('other', ({ input }: ProviderContext<{ text: string; boost: number }>) => ({ raw: input.text })),
    ({ input, reason }) => ({ skills: [input.text, reason] }),
    { skills: [] },
  ],
})

describe('defineHop', () => {
  it('infers input, output and whether there is a fallback', () => {
    type Types = NonNullable<(typeof score)['types']>
    expectTypeOf<Types['output']>().toEqualTypeOf<{ skills: string[] }>()
    expectTypeOf<Parameters<Types['input']>[0]>().toEqualTypeOf<{ text: string; boost?: number | undefined }>()
    expectTypeOf<Types['client']>().toEqualTypeOf<typeof client>()
    expectTypeOf(score.guarded).toEqualTypeOf<true>()
    expectTypeOf(loader.guarded).toEqualTypeOf<false>()
    expectTypeOf<NonNullable<(typeof loader)['types']>['output']>().toEqualTypeOf<{ text: string }>()
  })

  it('refuses staleFor without a cache', () => {
    // @ts-expect-error a stale value comes from the hop's cache
    defineHop({ name: 'a', output: skills, call: () => 1, fallback: [staleFor('1d')] })
  })

  it('refuses a fallback that does not fit the output', () => {
    // @ts-expect-error numbers are no skills
    defineHop({ name: 'a', output: skills, call: () => 1, fallback: [{ skills: [1] }] })
    // @ts-expect-error inferred from the call where there is no schema
    defineHop({ name: 'a', call: async () => ({ n: 1 }), fallback: [{ n: 'one' }] })
    // @ts-expect-error a function of the wrong result
    defineHop({ name: 'a', output: skills, call: () => 1, fallback: [() => 7] })
  })

  it('refuses an option nobody knows', () => {
    // @ts-expect-error timeout
    defineHop({ name: 'a', call: () => 1, timout: '2s' })
  })
})

describe('pipeline', () => {
  const begun = pipeline<{ resumeText: string; includeJobs: boolean }>('analyze', { defaults: resilient }).hop(
    'loader',
    loader,
    {
      input: ({ input }) => ({ resume: input.resumeText }),
    },
  )

  it('hands a hop the values of its needs and their status', () => {
    begun.hop('score', score, {
      needs: ['loader'],
      input: (values, { status }) => {
        expectTypeOf(values.loader).toEqualTypeOf<{ text: string }>()
        expectTypeOf(status.loader).toEqualTypeOf<'ok' | 'degraded' | 'failed' | 'skipped' | 'cancelled'>()
        return { text: values.loader.text }
      },
    })
  })

  it('refuses a typo in needs, a hop that comes later, and a value that was not asked for', () => {
    // @ts-expect-error loader
    begun.hop('score', score, { needs: ['loder'], input: () => ({ text: '' }) })
    // @ts-expect-error not in needs
    begun.hop('score', score, { input: ({ loader: value }) => ({ text: value.text }) })
    // @ts-expect-error not in needs
    begun.hop('inline', { run: ({ loader: value }) => value })
  })

  it('refuses a payload that does not fit, a missing one, and a name that is taken', () => {
    // @ts-expect-error text is a string
    begun.hop('score', score, { needs: ['loader'], input: () => ({ text: 7 }) })
    // @ts-expect-error the run's input is not the payload
    begun.hop('score', score, { needs: ['loader'] })
    // @ts-expect-error taken
    begun.hop('loader', score, { input: () => ({ text: '' }) })
  })

  it('refuses wiring nobody knows', () => {
    // @ts-expect-error needs
    begun.hop('score', score, { need: ['loader'], input: () => ({ text: '' }) })
    // @ts-expect-error timeout
    begun.hop('inline', { run: () => 1, timout: 1 })
  })

  it('adds undefined for what may be left out or may fail', async () => {
    const text = { input: () => ({ text: '' }) }
    const p = begun
      .hop('plain', score, text)
      .hop('conditional', score, { ...text, when: ({ input }) => input.includeJobs })
      .hop('optional', score, { ...text, optional: true })
      .hop('required', score, { ...text, optional: false })
      .hop('switched', score, { ...text, enabled: false as boolean })
      .hop('inline', { needs: ['plain'], run: ({ plain }) => plain.skills.length, optional: true })
      .assemble((values) => {
        expectTypeOf(values.plain).toEqualTypeOf<{ skills: string[] }>()
        expectTypeOf(values.required).toEqualTypeOf<{ skills: string[] }>()
        expectTypeOf(values.conditional).toEqualTypeOf<{ skills: string[] } | undefined>()
        expectTypeOf(values.optional).toEqualTypeOf<{ skills: string[] } | undefined>()
        expectTypeOf(values.switched).toEqualTypeOf<{ skills: string[] } | undefined>()
        expectTypeOf(values.inline).toEqualTypeOf<number | undefined>()
        return Promise.resolve({ total: values.plain.skills.length })
      })
    const run = await p.run({ resumeText: '', includeJobs: true })
    expectTypeOf(run.output).toEqualTypeOf<{ total: number } | undefined>()
    if (run.output === undefined) expectTypeOf(run.status).toEqualTypeOf<'failed' | 'timeout' | 'cancelled'>()
    else expectTypeOf(run.status).toEqualTypeOf<'ok' | 'degraded'>()
  })

  it('tells output and error apart, one status after the other', async () => {
    const run = await pipeline<string>('p')
      .hop('a', { run: () => 1 })
      .assemble(({ a }) => a)
      .run('x')
    if (run.status === 'ok' || run.status === 'degraded') expectTypeOf(run.output).toEqualTypeOf<number>()
    else expectTypeOf(run.error.code).not.toBeUndefined()
  })

  it('takes clients of the right kind for hops that exist', () => {
    const p = begun.hop('score', score, { input: () => ({ text: '' }) }).assemble(() => 1)
    const input = { resumeText: '', includeJobs: false }
    void p.run(input, { clients: { score: { post: async () => ({}) } } })
    // @ts-expect-error no such client
    void p.run(input, { clients: { score: { get: async () => ({}) } } })
    // @ts-expect-error no such hop
    void p.run(input, { clients: { scor: client } })
  })

  it('lets the run input be the payload where it fits', () => {
    const p = pipeline<{ resume: string; more: number }>('p').hop('loader', loader, {})
    expectTypeOf(p.assemble(({ loader: value }) => value.text)).toHaveProperty('run')
  })
})

describe('the report', () => {
  const p = pipeline<string>('p')
    .hop('a', { run: () => 1 })
    .hop('b', { run: () => 2, optional: true })
    .assemble(({ a }) => a)

  it('is keyed by the names of the hops, and still a report like any other', async () => {
    const { report } = await p.run('')
    expectTypeOf(report.hops.a).toEqualTypeOf<HopReport>()
    expectTypeOf(report.degraded).toEqualTypeOf<readonly ('a' | 'b')[]>()
    expectTypeOf(publicReport(report).hops.b.cache).toEqualTypeOf<HopCacheStatus>()
    expectTypeOf(publicReport(report).error?.hop).toEqualTypeOf<'a' | 'b' | null | undefined>()
    const other = pipeline<string>('other')
      .hop('c', { run: () => 1 })
      .assemble(({ c }) => c)
    const { report: either } = Math.random() < 0.5 ? await p.run('') : await other.run('')
    expectTypeOf(publicReport(either).degraded).toEqualTypeOf<readonly ('a' | 'b')[] | readonly 'c'[]>()
    expectTypeOf(toServerSentEvents).toBeCallableWith(Math.random() < 0.5 ? p.stream('') : other.stream(''))
    expectTypeOf(report).toExtend<RunReport>()
    expectTypeOf(p).toExtend<Pipeline<string, number, unknown>>()
    // @ts-expect-error no such hop
    void report.hops.c
    const any: RunReport = report
    expectTypeOf(any.hops.c).toEqualTypeOf<HopReport | undefined>()
    const empty = await pipeline<string>('p')
      .assemble(() => 1)
      .run('')
    expectTypeOf(empty.report).toExtend<RunReport>()
  })
})

describe('options', () => {
  it('may be undefined where they may be left out', () => {
    const given = undefined as { limit?: number; wait?: Duration; on?: boolean; signal?: AbortSignal } | undefined
    const policies: HopPolicies = {
      timeout: given?.wait,
      retry: { attempts: given?.limit, backoff: given?.wait },
      breaker: { openFor: given?.wait, minimumCalls: given?.limit },
      concurrency: { limit: 1, queue: given?.limit },
      retryBudget: { ratio: given?.limit },
    }
    const hop = defineHop({ name: 'a', call: () => 1, ...policies, idempotent: given?.on, category: undefined })
    const p = pipeline<string>('p', { deadline: given?.wait, defaults: policies, failFast: given?.on })
      .hop('a', hop, { optional: given?.on })
      .hop('b', hop, { enabled: given?.on })
      .hop('c', hop, { when: undefined, needs: undefined })
      .assemble((values) => {
        expectTypeOf(values.a).toEqualTypeOf<number | undefined>()
        expectTypeOf(values.b).toEqualTypeOf<number | undefined>()
      })
    void p.run('', { signal: given?.signal, deadline: given?.wait, idempotencyKey: undefined, clients: undefined })
  })

  it('usage is told from the checked answer', () => {
    defineHop({
      name: 'a',
      output: skills,
      call: () => 1,
      usage: (answer) => {
        expectTypeOf(answer).toEqualTypeOf<{ skills: string[] }>()
        return { outputTokens: answer.skills.length }
      },
    })
  })
})

describe('modules over HTTP', () => {
  const pool = null as unknown as Pool

  it('are clients of hops, whose context a call takes', () => {
    const module = pool.module({ baseUrl: 'https://a', output: skills })
    const hop = defineHop({
      name: 'a',
      client: module,
      call: (context) => {
        expectTypeOf(context.client.post('/x', context.input, { context })).resolves.toEqualTypeOf<{
          skills: string[]
        }>()
        return context.client.post('/x', context.input, { context, output: z.number() })
      },
    })
    const p = pipeline<unknown>('p')
      .hop('a', hop, {})
      .assemble(({ a }) => a)
    expectTypeOf(p.run({})).resolves.toHaveProperty('output').toEqualTypeOf<number | undefined>()
  })

  it('take what their contract takes', () => {
    const module = pool.module({ baseUrl: 'https://a', input: z.object({ text: z.string() }) })
    void module.post('/x', { text: '' })
    // @ts-expect-error not what goes in
    void module.post('/x', { txt: '' })
    // @ts-expect-error no such option
    void module.get('/x', { retries: 3 })
    expectTypeOf(module.get('/x')).resolves.toBeUnknown()
  })

  it('hand deadlines on', () => {
    const p = pipeline<number>('p').assemble(({ input }) => input)
    void p.run(1, { deadline: deadlineFrom(new Headers(), { max: '30s' }), priority: 'high' })
    void p.run(1, { deadline: deadlineFrom({} as IncomingHttpHeaders) })
    // @ts-expect-error no such priority
    void p.run(1, { priority: 'urgent' })
  })

  it('share an upstream with other pipelines', () => {
    const upstream = defineUpstream('openai', { concurrency: 8, breaker: false })
    void defineHop({ name: 'a', upstream, call: () => 1, fallback: [provider('b', () => 2, { upstream })] })
    void pipeline<number>('p').hop('a', { upstream, run: () => 1 })
    // @ts-expect-error a timeout is a hop's
    void defineUpstream('openai', { timeout: '1s' })
  })
})

describe('fromGraph', () => {
  it('is loosely typed', async () => {
    const graph = fromGraph('g', { a: { hop: loader, input: ({ input }) => input } })
    expectTypeOf((await graph.run('anything')).output).toEqualTypeOf<Readonly<Record<string, unknown>> | undefined>()
  })
})
