import { describe, expect, it } from 'vitest'
import { createStash, namespace } from '../../../src/index.js'
import { defineHop, pipeline, type Usage, type UsageMeter } from '../../../src/pipeline/index.js'
import { createFakeClock } from '../../../src/testing/fake-clock.js'
import { fakeRecords } from './fake-records.js'
import { resolveAfter } from './support.js'

const answer = { text: 'x', tokens: { in: 10, out: 5 } }
const usage = ({ tokens }: typeof answer): Usage => ({
  inputTokens: tokens.in,
  outputTokens: tokens.out,
  costUsd: 0.25,
})

describe('usage', () => {
  it('is told from the answer by the hop', async () => {
    const clock = createFakeClock()
    const p = pipeline<unknown>('p', { clock })
      .hop('module', defineHop({ name: 'module', call: () => answer, usage }), {})
      .hop('inline', { run: () => answer, usage })
      .assemble(() => 1)
    const { report } = await p.run(1)
    const used = { calls: 1, inputTokens: 10, outputTokens: 5, costUsd: 0.25 }
    expect([report.hops.module.usage, report.hops.inline.usage]).toEqual([used, used])
    expect(report.totals).toMatchObject({ tokens: 30, costUsd: 0.5 })
  })

  it('that throws is logged and costs no answer', async () => {
    const entries: unknown[] = []
    const hop = defineHop({
      name: 'a',
      call: () => 1,
      usage: () => {
        throw new Error('x')
      },
    })
    const p = pipeline<unknown>('p', { logger: (level, message) => entries.push([level, message]) })
      .hop('a', hop, {})
      .assemble(({ a }) => a)
    const run = await p.run(1)
    expect(run).toMatchObject({ status: 'ok', output: 1 })
    expect(run.report.hops.a.usage).toBeNull()
    expect(entries).toEqual([['warn', 'The `usage` function of the hop threw']])
  })

  it.each([undefined, null, 7, 'text', {}, { inputTokens: Number.NaN, outputTokens: '5', costUsd: -1 }])(
    'counts a call, and nothing else, where an upstream says %o of it',
    async (said) => {
      const clock = createFakeClock()
      const records = fakeRecords(clock)
      const told = { name: 'told', call: () => 1, usage: () => said as never }
      const added = { name: 'added', call: ({ usage }: { usage: UsageMeter }) => usage.add(said as never) }
      const p = pipeline<unknown>('p', { clock })
        .hop('told', defineHop(told), {})
        .hop('added', defineHop(added), {})
        .hop('cached', defineHop({ ...told, name: 'cached', cache: { in: records } }), {})
        .assemble(() => 1)
      const { status, report } = await p.run(1)
      expect(status).toBe('ok')
      const none = { calls: 1, inputTokens: 0, outputTokens: 0, costUsd: 0 }
      for (const hop of Object.values(report.hops)) expect(hop.usage).toEqual(none)
      expect(records.used).toEqual({ tokens: 0, money: 0 })
    },
  )

  it('is refused where it is no function', () => {
    expect(() => defineHop({ name: 'a', call: () => 1, usage: 7 as never })).toThrow('usage')
  })

  it('of a call behind a cache counts once, for the hop that made it and for the savings of the cache', async () => {
    const clock = createFakeClock()
    const records = fakeRecords(clock)
    const hop = defineHop({ name: 'a', call: () => resolveAfter(clock, 10, answer), usage, cache: { in: records } })
    const p = pipeline<unknown>('p', { clock })
      .hop('a', hop, {})
      .assemble(() => 1)
    const runs = [p.run(1), p.run(1)]
    await clock.advance(10)
    const [first, second] = await Promise.all(runs)
    expect(first?.report.hops.a.usage).toMatchObject({ inputTokens: 10 })
    expect(second?.report.hops.a.usage).toBeNull()
    expect(records.used).toEqual({ tokens: 15, money: 0.25 })
  })

  it('of a shared call counts for the savings also when the run that made it has left', async () => {
    const clock = createFakeClock()
    const records = fakeRecords(clock)
    const hop = defineHop({ name: 'a', call: () => resolveAfter(clock, 10, answer), usage, cache: { in: records } })
    const p = pipeline<unknown>('p', { clock })
      .hop('a', hop, {})
      .assemble(() => 1)
    const controller = new AbortController()
    const runs = [p.run(1, { signal: controller.signal }), p.run(1)]
    await clock.advance(5)
    controller.abort()
    await clock.advance(5)
    const [left, stayed] = await Promise.all(runs)
    expect([left?.status, stayed?.status]).toEqual(['cancelled', 'ok'])
    expect(records.used).toEqual({ tokens: 15, money: 0.25 })
  })

  it('is in the savings of the namespace after a hit', async () => {
    const stash = createStash({ store: 'memory', namespaces: { answers: namespace({ ttl: '1h' }) } })
    const hop = defineHop({ name: 'a', call: () => answer, usage, cache: { in: stash.answers } })
    const p = pipeline<unknown>('p')
      .hop('a', hop, {})
      .assemble(() => 1)
    await p.run(1)
    await p.run(1)
    expect(stash.answers.stats().saved).toMatchObject({ tokens: 15, money: 0.25 })
    await stash.close()
  })
})
