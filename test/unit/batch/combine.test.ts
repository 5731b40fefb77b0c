import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { type AskReply, type CombinedTask, combinePrompts } from '../../../src/batch/index.js'
import { createStash, parseDuration, preset } from '../../../src/index.js'
import { createFakeClock } from '../../../src/testing/fake-clock.js'
import { ODD_RESULTS, oddSchema } from '../../support/odd-schemas.js'

interface Task extends CombinedTask {
  readonly prompt: string
}
const tasksOf = (...ids: string[]): Task[] => ids.map((id) => ({ id, prompt: `do ${id}` }))
const answer = (id: string) => `${id}!`
const codeOf = (error: unknown) => (error as { code?: string }).code

/** An `ask` that notes whom it was asked about and answers by `reply`, else for everybody. */
function noting(reply?: (ids: string[], call: number) => AskReply | undefined | Promise<AskReply | undefined>) {
  const calls: string[] = []
  const ask = async (tasks: readonly CombinedTask[], { kind }: { readonly kind: string }): Promise<AskReply> => {
    const ids = tasks.map(({ id }) => id)
    calls.push(`${kind} ${ids.join(',')}`)
    const own = await reply?.(ids, calls.length)
    return own ?? { answers: ids.map((id) => ({ id, value: answer(id) })) }
  }
  return { calls, ask }
}

describe('combinePrompts', () => {
  it('asks once for all, and matches answers by id whatever their order', async () => {
    const { calls, ask } = noting((ids) => ({ answers: new Map(ids.toReversed().map((id) => [id, answer(id)])) }))
    const { outcomes, values, report } = await combinePrompts({ tasks: tasksOf('a', 'b', 'c'), ask })
    expect(outcomes.map(({ id, status, value }) => [id, status, value])).toEqual([
      ['a', 'ok', 'a!'],
      ['b', 'ok', 'b!'],
      ['c', 'ok', 'c!'],
    ])
    expect(calls).toEqual(['combined a,b,c'])
    expect([...values]).toHaveLength(3)
    expect(report).toMatchObject({ asked: 3, cached: 0, shared: 0 })
  })

  it('asks again for the missing only, then singly', async () => {
    const { calls, ask } = noting((ids, call) => {
      if (call === 1) return { answers: { a: 'a!' } }
      if (call === 2) return { answers: { b: 'b!' } }
      return ids[0] === 'c' ? { answers: { c: 'c!' } } : { answers: {} }
    })
    const { outcomes, report } = await combinePrompts({ tasks: tasksOf('a', 'b', 'c', 'd'), ask })
    expect(calls).toEqual(['combined a,b,c,d', 'reask b,c,d', 'single c', 'single d'])
    expect(outcomes.map(({ kind }) => kind)).toEqual(['combined', 'reask', 'single', null])
    expect(outcomes[3]).toMatchObject({ status: 'failed', reason: 'contract_output' })
    expect(codeOf(outcomes[3]!.error)).toBe('ERR_ANSWER_MISSING')
    const counts = report.calls.map(({ ids, answered, missing }) => `${ids} ${answered} ${missing}`)
    expect(counts.toSorted()).toEqual(['a,b,c,d 1 3', 'b,c,d 1 2', 'c 1 0', 'd 0 1'])
  })

  it('asks for one that is left alone, not once more together', async () => {
    const { calls, ask } = noting((_, call) => (call === 1 ? { answers: { a: 1 } } : undefined))
    await combinePrompts({ tasks: tasksOf('a', 'b'), ask })
    expect(calls).toEqual(['combined a,b', 'single b'])
  })

  it('drops foreign ids, and never takes either of two answers with one id', async () => {
    const { calls, ask } = noting((_, call) =>
      call === 1
        ? {
            answers: [
              { id: 'a', value: 'one' },
              { id: 'x', value: 'nobody asked' },
              { id: 'a', value: 'two' },
              { id: 'b', value: { same: 1, other: 2 } },
              { id: 'b', value: { other: 2, same: 1 } },
            ],
          }
        : undefined,
    )
    const { outcomes, report } = await combinePrompts({ tasks: tasksOf('a', 'b'), ask })
    expect(outcomes.map(({ value }) => value)).toEqual(['a!', { same: 1, other: 2 }])
    expect(calls).toEqual(['combined a,b', 'single a'])
    expect(report.calls[0]).toMatchObject({ foreign: 1, duplicate: 1, missing: 1, answered: 1 })
  })

  it('passes each answer through its schema, asks again for what does not fit, and gives what the schema makes of it', async () => {
    const { calls, ask } = noting((ids, call) => ({
      answers: Object.fromEntries(ids.map((id) => [id, call === 1 && id === 'b' ? 'many' : '7'])),
    }))
    const schema = z.string().regex(/^\d+$/).transform(Number)
    const { outcomes, report } = await combinePrompts({ tasks: tasksOf('a', 'b'), ask, schema })
    expect(outcomes.map(({ value }) => value)).toEqual([7, 7])
    expect(calls).toEqual(['combined a,b', 'single b'])
    expect(report.calls[0]).toMatchObject({ invalid: 1, missing: 0 })
  })

  it.each(ODD_RESULTS)('asks once where a schema gives %s, and does not quote it', async (_, result) => {
    const { calls, ask } = noting((ids) => ({ answers: Object.fromEntries(ids.map((id) => [id, 'secret'])) }))
    const schema = oddSchema(() => result)
    const { outcomes } = await combinePrompts({ tasks: tasksOf('a', 'b'), ask, schema })
    expect(calls).toEqual(['combined a,b'])
    for (const { status, error } of outcomes) {
      expect([status, codeOf(error)]).toEqual(['failed', 'ERR_OPTION_INVALID'])
      expect(String(error)).not.toContain('secret')
    }
  })

  it('asks about the others again where the schema of one task is none', async () => {
    const { calls, ask } = noting((_, call) => (call === 1 ? { answers: { a: 1, b: 'no number' } } : undefined))
    const schema = ({ id }: Task) => (id === 'a' ? (undefined as never) : z.number())
    const { outcomes } = await combinePrompts({ tasks: tasksOf('a', 'b', 'c'), ask, schema })
    expect(outcomes.map(({ error }) => codeOf(error))).toEqual(['ERR_OPTION_INVALID', 'ERR_CONTRACT', 'ERR_CONTRACT'])
    expect(String(outcomes[0]?.error)).toContain('a function that returns a Standard Schema, received undefined.')
    expect(calls).toEqual(['combined a,b,c', 'reask b,c', 'single b', 'single c'])
  })

  it('asks again where an answer makes the schema throw an error of the package', async () => {
    const { calls, ask } = noting((_, call) => ({ answers: { a: call === 1 ? 'soon' : '5m' } }))
    const schema = z.string().transform((text) => parseDuration(text as '5m'))
    const { outcomes } = await combinePrompts({ tasks: tasksOf('a'), ask, schema })
    expect([outcomes[0]?.value, calls]).toEqual([300_000, ['single a', 'single a']])
  })

  it.each(['throws', 'rejects'])('fails a task with what its schema %s', async (way) => {
    const broken = new Error('broken')
    const schema = oddSchema(() => {
      if (way === 'throws') throw broken
      return Promise.reject(broken)
    })
    const { outcomes } = await combinePrompts({ tasks: tasksOf('a'), ask: noting().ask, schema })
    expect(outcomes[0]).toMatchObject({ status: 'failed', error: broken })
  })

  it('names the paths, never the values, of an answer that fits at no time', async () => {
    const { ask } = noting((ids) => ({ answers: Object.fromEntries(ids.map((id) => [id, { secret: 'hunter2' }])) }))
    const schema = (task: Task) => z.object({ [task.id]: z.string() })
    const { outcomes } = await combinePrompts({ tasks: tasksOf('a'), ask, schema })
    expect(outcomes[0]).toMatchObject({ status: 'failed', reason: 'contract_output' })
    expect(codeOf(outcomes[0]!.error)).toBe('ERR_CONTRACT')
    expect(String(outcomes[0]!.error)).toContain('$.a')
    expect(String(outcomes[0]!.error)).not.toContain('hunter2')
  })

  it('takes the whole answers of a text that was cut off', async () => {
    const { calls, ask } = noting((_, call) =>
      call === 1 ? 'Sure:\n```json\n{"answers":[{"id":"a","answer":"A"},{"id":"b","answer":"half of' : undefined,
    )
    const { outcomes, report } = await combinePrompts({ tasks: tasksOf('a', 'b'), ask })
    expect(outcomes.map(({ value }) => value)).toEqual(['A', 'b!'])
    expect(calls).toEqual(['combined a,b', 'single b'])
    expect(report.calls[0]).toMatchObject({ truncated: true, answered: 1, missing: 1 })
  })

  it('asks about equal tasks once', async () => {
    const { calls, ask } = noting()
    const tasks = [
      { id: 'first', prompt: 'same' },
      { id: 'second', prompt: 'same' },
      { id: 'third', prompt: 'other' },
    ]
    const { outcomes, report } = await combinePrompts({ tasks, ask })
    expect(calls).toEqual(['combined first,third'])
    expect(outcomes.map(({ value }) => value)).toEqual(['first!', 'first!', 'third!'])
    expect(report).toMatchObject({ asked: 2, shared: 1, cached: 0 })
  })

  it('puts no more than maxTasks into a call', async () => {
    const { calls, ask } = noting()
    await combinePrompts({ tasks: tasksOf('a', 'b', 'c', 'd', 'e'), ask, maxTasks: 2 })
    expect(calls).toEqual(['combined a,b', 'combined c,d', 'single e'])
    await expect(combinePrompts({ tasks: [], ask })).resolves.toMatchObject({ outcomes: [], report: { calls: [] } })
  })

  it('divides what a call used by the length of question and answer, to the last token', async () => {
    const ask = () => ({
      answers: { short: 'x', long: 'x'.repeat(9) },
      usage: { inputTokens: 101, outputTokens: 10, costUsd: 0.5 },
    })
    const tasks = tasksOf('short', 'long')
    const { outcomes, report } = await combinePrompts({ tasks, ask, tokensOf: () => 1 })
    expect(outcomes.map(({ usage }) => usage.outputTokens)).toEqual([1, 9])
    expect(outcomes.map(({ usage }) => usage.inputTokens)).toEqual([51, 50])
    expect(outcomes[0]!.usage.costUsd + outcomes[1]!.usage.costUsd).toBeCloseTo(0.5)
    expect(report.usage).toEqual({ inputTokens: 101, outputTokens: 10, costUsd: 0.5 })
  })

  it('takes a stand-in for what has no answer, and says so', async () => {
    const { ask } = noting(() => ({ answers: {} }))
    const fallback = ({ id }: Task) => {
      if (id === 'b') throw new Error('no stand-in')
      return `instead of ${id}`
    }
    const { outcomes, values } = await combinePrompts({ tasks: tasksOf('a', 'b'), ask, fallback })
    expect(outcomes[0]).toMatchObject({
      status: 'degraded',
      source: 'function',
      reason: 'contract_output',
      value: 'instead of a',
    })
    expect(outcomes[1]).toMatchObject({ status: 'failed' })
    expect([...values.keys()]).toEqual(['a'])
  })
})

describe('a call that fails', () => {
  const failing = (error: object) => noting(() => Promise.reject(Object.assign(new Error('no'), error)))

  it.each([
    ['overloaded', { status: 429 }, ['combined a,b', 'reask a,b']],
    ['down', { status: 503 }, ['combined a,b', 'reask a,b']],
    ['out of reach', { code: 'ECONNREFUSED' }, ['combined a,b', 'reask a,b']],
    ['refusing the credentials', { status: 401 }, ['combined a,b']],
    ['refusing the length', { status: 413 }, ['combined a,b', 'single a', 'single b']],
    ['making no sense', {}, ['combined a,b', 'reask a,b', 'single a', 'single b']],
  ])('because the provider is %s is asked again accordingly', async (_, error, expected) => {
    const { calls, ask } = failing(error)
    const { outcomes, report } = await combinePrompts({ tasks: tasksOf('a', 'b'), ask })
    expect(calls).toEqual(expected)
    expect(outcomes.map(({ status, reason }) => [status, reason])).toEqual([
      ['failed', 'error'],
      ['failed', 'error'],
    ])
    expect(report.calls.every(({ error }) => error !== null)).toBe(true)
  })

  it('is given up when it takes too long', async () => {
    const clock = createFakeClock()
    const signals: AbortSignal[] = []
    const ask = (_: unknown, { signal }: { readonly signal: AbortSignal }) => {
      signals.push(signal)
      return new Promise<AskReply>(() => {})
    }
    const asking = combinePrompts({ tasks: tasksOf('a', 'b'), ask, timeout: '1s', clock })
    await clock.advance(2000)
    const { outcomes } = await asking
    expect(outcomes.map(({ reason }) => reason)).toEqual(['timeout', 'timeout'])
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true])
    expect(clock.pendingTimers()).toBe(0)
  })

  it('is aborted with the caller, whose tasks are cancelled', async () => {
    const caller = new AbortController()
    let heard = false
    const ask = (_: unknown, { signal }: { readonly signal: AbortSignal }) =>
      new Promise<AskReply>(() => signal.addEventListener('abort', () => (heard = true)))
    const asking = combinePrompts({ tasks: tasksOf('a', 'b'), ask, signal: caller.signal })
    await new Promise((resolve) => setImmediate(resolve))
    caller.abort(new Error('left'))
    const { outcomes } = await asking
    expect(outcomes.map(({ status, reason }) => [status, reason])).toEqual([
      ['cancelled', 'aborted'],
      ['cancelled', 'aborted'],
    ])
    expect(heard).toBe(true)
    const { ask: never, calls } = noting()
    await combinePrompts({ tasks: tasksOf('a'), ask: never, signal: caller.signal })
    expect(calls).toEqual([])
  })
})

describe('a namespace in front', () => {
  it('keeps each answer under its own task, whatever it was asked with', async () => {
    await using stash = createStash()
    const { calls, ask } = noting()
    const options = { ask, in: stash.aiResponse }
    await combinePrompts({ ...options, tasks: tasksOf('a', 'b') })
    const again = await combinePrompts({
      ...options,
      tasks: [
        { id: 'other name', prompt: 'do b' },
        { id: 'new', prompt: 'do new' },
      ],
    })
    expect(calls).toEqual(['combined a,b', 'single new'])
    expect(again.outcomes.map(({ value, source, kind }) => [value, source, kind])).toEqual([
      ['b!', 'cache', null],
      ['new!', 'live', 'single'],
    ])
    expect(again.report).toMatchObject({ asked: 1, cached: 1 })
  })

  it('passes what it holds through the schema again', async () => {
    await using stash = createStash()
    const { calls, ask } = noting((ids, call) => ({
      answers: Object.fromEntries(ids.map((id) => [id, call === 1 ? 'old' : 2])),
    }))
    await combinePrompts({ tasks: tasksOf('a'), ask, in: stash.aiResponse })
    const { outcomes } = await combinePrompts({ tasks: tasksOf('a'), ask, in: stash.aiResponse, schema: z.number() })
    expect(outcomes[0]).toMatchObject({ status: 'ok', value: 2, source: 'live' })
    expect(calls).toHaveLength(2)
  })

  it('stores neither what did not fit nor a stand-in', async () => {
    await using stash = createStash()
    const { calls, ask } = noting(() => ({ answers: { a: 'text' } }))
    const options = { tasks: tasksOf('a'), ask, in: stash.aiResponse, schema: z.number(), fallback: () => 0 }
    await combinePrompts(options)
    await combinePrompts(options)
    expect(calls).toHaveLength(4)
  })

  it('shares what another call is asking, and goes on for it when the first caller leaves', async () => {
    await using stash = createStash()
    let release = (): void => {}
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    const { calls, ask } = noting(async () => {
      await held
      return undefined
    })
    const caller = new AbortController()
    const options = { ask, in: stash.aiResponse }
    const first = combinePrompts({ ...options, tasks: tasksOf('a', 'b'), signal: caller.signal })
    const second = combinePrompts({ ...options, tasks: tasksOf('b', 'c') })
    await new Promise((resolve) => setImmediate(resolve))
    caller.abort(new Error('left'))
    expect((await first).outcomes.map(({ status }) => status)).toEqual(['cancelled', 'cancelled'])
    release()
    const { outcomes } = await second
    expect(outcomes.map(({ value, source }) => [value, source])).toEqual([
      ['b!', 'cache'],
      ['c!', 'live'],
    ])
    expect(calls).toEqual(['combined a,b', 'single c'])
  })

  it('stands in with what it holds when the model fails, and counts what answers cost', async () => {
    const clock = createFakeClock()
    await using stash = createStash({
      namespaces: { answers: preset('general', { ttl: '1m', jitter: 0 }) },
      clock,
    })
    let down = false
    const ask = ({ length }: readonly Task[]) => {
      if (down) throw Object.assign(new Error('down'), { status: 503 })
      return { answers: { a: 1, b: 2 }, usage: { inputTokens: 10 * length, outputTokens: 2, costUsd: 0.2 } }
    }
    const options = { tasks: tasksOf('a', 'b'), ask, in: stash.answers, staleIfError: '1h', clock } as const
    await combinePrompts(options)
    await combinePrompts(options)
    expect(stash.answers.stats().saved).toMatchObject({ calls: 2, tokens: 22 })
    down = true
    await clock.advance(120_000)
    const { outcomes } = await combinePrompts(options)
    expect(outcomes[0]).toMatchObject({ status: 'degraded', source: 'stale', value: 1, reason: 'error' })
  })
})

describe('bad input', () => {
  const ask = () => ''
  it.each([
    ['tasks', { ask, tasks: 'a' }],
    ['tasks[0].id', { ask, tasks: [{}] }],
    ['tasks[1].id', { ask, tasks: [{ id: 'a' }, { id: 'a' }] }],
    ['tasks[0].id', { ask, tasks: [null] }],
    ['ask', { tasks: [] }],
    ['schema', { ask, tasks: [], schema: {} }],
    ['in', { ask, tasks: [], in: {} }],
    ['name', { ask, tasks: [], name: '' }],
    ['maxTasks', { ask, tasks: [], maxTasks: 0 }],
    ['concurrency', { ask, tasks: [], concurrency: -1 }],
    ['timeout', { ask, tasks: [], timeout: 'soon' }],
    ['staleIfError', { ask, tasks: [], staleIfError: -1 }],
    ['fallback', { ask, tasks: [], fallback: 5 }],
    ['fallbck', { ask, tasks: [], fallbck: () => 5 }],
  ])('%s is refused by name', async (name, options) => {
    const error = await combinePrompts(options as never).catch((error) => error)
    expect(codeOf(error)).toBe('ERR_OPTION_INVALID')
    expect(String(error)).toContain(`\`${name}`)
  })

  it.each([
    [new Map([['a', 'A']]), 'an object (Map)'],
    [{ a: 'A', b: 'B' }, 'an object (Object)'],
    [[{ id: 'a', value: 'A' }], 'an array of 1'],
    [5, '5'],
  ])('a reply of %o is refused after one call, for it would be the same again', async (reply, received) => {
    const { calls, ask } = noting(() => reply as never)
    const { outcomes, report } = await combinePrompts({ tasks: tasksOf('a', 'b', 'c'), ask })
    expect(calls).toEqual(['combined a,b,c'])
    expect(report.calls[0]).toMatchObject({ missing: 3, error: 'ERR_OPTION_INVALID' })
    for (const { status, reason, error } of outcomes) {
      expect([status, reason, codeOf(error)]).toEqual(['failed', 'error', 'ERR_OPTION_INVALID'])
      expect(String(error)).toContain(`{ answers, usage }\`, received ${received}.`)
    }
  })

  it.each([undefined, null, { answers: null }, { answers: [null, { id: 5, value: 1 }] }, '', '{', 'null'])(
    'a reply of %j is no answer',
    async (reply) => {
      const { outcomes } = await combinePrompts({ tasks: tasksOf('a', 'b'), ask: () => reply as never })
      expect(outcomes.map(({ status }) => status)).toEqual(['failed', 'failed'])
    },
  )
})
