import { describe, expect, it } from 'vitest'
import { defineHop, pipeline, type RunReport } from '../../../src/pipeline/index.js'
import { createFakeClock } from '../../../src/testing/fake-clock.js'
import { httpError, resolveAfter, script } from './support.js'

const key = { idempotencyKey: 'order of ada' }

function setUp(outcomes?: readonly unknown[]) {
  const clock = createFakeClock()
  const played = script(outcomes ?? [() => resolveAfter(clock, 100, 'answer')])
  const reports: RunReport[] = []
  const p = pipeline<unknown>('p', { clock, onRun: (report) => reports.push(report) })
    .hop('a', defineHop({ name: 'a', call: played.call }), {})
    .assemble(({ a }) => a)
  return { clock, p, seen: played.seen, reports }
}

describe('a run with an idempotency key', () => {
  it('is joined by the same run while it goes on', async () => {
    const { clock, p, seen, reports } = setUp()
    const runs = [p.run({ a: 1, b: 2 }, key), p.run({ b: 2, a: 1 }, key)]
    await clock.advance(100)
    const [first, second] = await Promise.all(runs)
    expect(first).toMatchObject({ status: 'ok', output: 'answer' })
    expect(second).toBe(first)
    expect([seen.length, reports.length]).toEqual([1, 1])
  })

  it('answers the same run for 10 minutes after it went well', async () => {
    const { clock, p, seen } = setUp(['answer'])
    const first = await p.run(1, key)
    await clock.advance(599_999)
    expect(await p.run(1, key)).toBe(first)
    await clock.advance(1)
    expect(await p.run(1, key)).not.toBe(first)
    expect(seen).toHaveLength(2)
  })

  it('that failed is run again', async () => {
    const { p, seen } = setUp([httpError(404), 'answer'])
    expect((await p.run(1, key)).status).toBe('failed')
    expect((await p.run(1, key)).output).toBe('answer')
    expect(seen).toHaveLength(2)
  })

  it('is refused for another input, without showing key or input', async () => {
    const { clock, p } = setUp()
    const run = p.run('secret one', key)
    const refusal = await p.run('secret two', key).catch((error) => error)
    expect(refusal).toMatchObject({ code: 'ERR_OPTION_INVALID', context: { option: 'idempotencyKey' } })
    expect(String(refusal)).not.toMatch(/secret|ada/)
    await clock.advance(100)
    await run
    await expect(p.run('secret two', key)).rejects.toMatchObject({ code: 'ERR_OPTION_INVALID' })
    expect((await p.run('secret one', key)).status).toBe('ok')
  })

  it('of an input without a canonical form is joined, and not remembered', async () => {
    const { clock, p, seen } = setUp()
    const input = { callback() {} }
    const runs = [p.run(input, key), p.run(input, key)]
    await clock.advance(100)
    const [first, second] = await Promise.all(runs)
    expect(second).toBe(first)
    const third = p.run(input, key)
    await clock.advance(100)
    expect(await third).not.toBe(first)
    expect(seen).toHaveLength(2)
  })

  it('goes on for the others when one who joined leaves, who is told at once', async () => {
    const { clock, p, seen } = setUp()
    const controller = new AbortController()
    const stayed = p.run(1, key)
    const left = p.run(1, { ...key, signal: controller.signal })
    await clock.advance(50)
    controller.abort()
    expect(await left).toMatchObject({ status: 'cancelled', error: { code: 'ERR_RUN_CANCELLED' } })
    await clock.advance(50)
    expect((await stayed).status).toBe('ok')
    expect(seen).toHaveLength(1)
  })

  it('is begun anew for those who stay when the one who began it leaves', async () => {
    const { clock, p, seen } = setUp()
    const controller = new AbortController()
    const left = p.run(1, { ...key, signal: controller.signal })
    const stayed = [p.run(1, key), p.run(1, key)]
    await clock.advance(50)
    controller.abort()
    expect((await left).status).toBe('cancelled')
    await clock.advance(100)
    const [second, third] = await Promise.all(stayed)
    expect(second).toMatchObject({ status: 'ok', output: 'answer' })
    expect(third).toBe(second)
    expect(seen).toHaveLength(2)
    expect(seen[0]?.idempotencyKey).toBe(seen[1]?.idempotencyKey)
  })

  it('with clients of its own joins nobody', async () => {
    const hop = defineHop({ name: 'a', client: (): string => 'real', call: ({ client }) => client() })
    const p = pipeline<unknown>('p')
      .hop('a', hop, {})
      .assemble(({ a }) => a)
    expect((await p.run(1, { ...key, clients: { a: () => 'fake' } })).output).toBe('fake')
    expect((await p.run(1, key)).output).toBe('real')
  })

  it('is one of at most 1,000 that are remembered', async () => {
    const { p, seen } = setUp(['answer'])
    for (let i = 0; i <= 1000; i++) await p.run(i, { idempotencyKey: `k${i}` })
    await p.run(1, { idempotencyKey: 'k1' })
    expect(seen).toHaveLength(1001)
    await p.run(0, { idempotencyKey: 'k0' })
    expect(seen).toHaveLength(1002)
  })

  it('needs a key that is a text', async () => {
    const { p } = setUp(['answer'])
    for (const bad of ['', 7, null]) {
      await expect(p.run(1, { idempotencyKey: bad as never })).rejects.toMatchObject({ code: 'ERR_OPTION_INVALID' })
    }
  })
})
