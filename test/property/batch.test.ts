import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type BatchCheckpoint,
  batcher,
  combinePrompts,
  type DocumentEdit,
  editsBetween,
  processGraph,
  processInBatches,
  readAnswers,
  streamInBatches,
} from '../../src/batch/index.js'
import { splitUsage } from '../../src/batch/split-usage.js'
import { createFakeClock } from '../../src/testing/fake-clock.js'

const indexes = (count: number) => Array.from({ length: count }, (_, index) => index)

const batchRun = fc.record({
  count: fc.nat(60),
  batchSize: fc.oneof(fc.integer({ min: 1, max: 9 }), fc.constant('auto' as const)),
  concurrency: fc.integer({ min: 1, max: 5 }),
  groups: fc.integer({ min: 1, max: 4 }),
  ordered: fc.boolean(),
  /** What becomes of the batch of this number, over and over. */
  fates: fc.array(fc.constantFrom('fine', 'fine', 'rows fail', 'throws', 'misaligned', 'deaf'), {
    minLength: 1,
    maxLength: 5,
  }),
  ms: fc.array(fc.nat(50), { minLength: 1, maxLength: 5 }),
  abortAt: fc.option(fc.nat(120), { nil: undefined, freq: 3 }),
})

describe('a run in batches with random faults', () => {
  it('gives every item one outcome in its place, runs no more at once than allowed, and leaves no timer', async () => {
    await fc.assert(
      fc.asyncProperty(batchRun, async (plan) => {
        const clock = createFakeClock()
        const caller = new AbortController()
        if (plan.abortAt !== undefined) clock.setTimer(() => caller.abort('left'), plan.abortAt)
        let running = 0
        let most = 0
        const checkpoints: BatchCheckpoint[] = []
        const fn = async (batch: readonly number[], { batch: number }: { readonly batch: number }) => {
          most = Math.max(most, ++running)
          await new Promise<void>((resolve) => void clock.setTimer(resolve, plan.ms[number % plan.ms.length]!))
          const fate = plan.fates[number % plan.fates.length]
          if (fate === 'deaf') {
            running--
            return new Promise<never>(() => {})
          }
          running--
          if (fate === 'throws') throw new Error('thrown')
          const rows: (number | Error)[] = batch.map((n) =>
            fate === 'rows fail' && n % 2 === 1 ? new Error('row') : n * 2,
          )
          return fate === 'misaligned' ? rows.slice(1) : rows
        }
        const options = {
          batchSize: plan.batchSize,
          concurrency: plan.concurrency,
          timeout: 100,
          signal: caller.signal,
          clock,
          onCheckpoint: (checkpoint: BatchCheckpoint) => void checkpoints.push(checkpoint),
          ...(plan.groups > 1 && { groupBy: (n: number) => `${n % plan.groups}` }),
        }
        const finished = processInBatches(indexes(plan.count), fn, options)
        await clock.advance(20_000)
        const outcomes = await finished
        expect(outcomes.map(({ index }) => index)).toEqual(indexes(plan.count))
        for (const { status, index, value } of outcomes) {
          if (status === 'ok') expect(value).toBe(index * 2)
          if (status === 'cancelled') expect(plan.abortAt).toBeDefined()
        }
        expect(most).toBeLessThanOrEqual(plan.concurrency)
        expect(clock.pendingTimers()).toBe(0)

        // What a later run does is exactly what is not done, whichever checkpoint it goes on from.
        const resume = checkpoints.at(-1)
        if (resume === undefined) return
        const again: number[] = []
        const noting = (batch: readonly number[]) => {
          again.push(...batch)
          return [...batch]
        }
        const rest = await processInBatches(indexes(plan.count), noting, {
          resume,
        })
        expect(rest).toHaveLength(plan.count)
        for (const { status, index } of outcomes) if (status !== 'ok') expect(again).toContain(index)
      }),
      { numRuns: 150 },
    )
  })

  it('streams the same outcomes, in order or not, from a source of any kind', async () => {
    await fc.assert(
      fc.asyncProperty(batchRun, fc.nat(40), async (plan, stopAfter) => {
        const clock = createFakeClock()
        let read = 0
        let open = true
        async function* source() {
          try {
            for (let n = 0; n < plan.count; n++) {
              read++
              yield n
            }
          } finally {
            open = false
          }
        }
        const seen: number[] = []
        const batchSize = typeof plan.batchSize === 'number' ? plan.batchSize : 3
        const fn = async (batch: readonly number[], { batch: number }: { readonly batch: number }) => {
          await new Promise<void>((resolve) => void clock.setTimer(resolve, plan.ms[number % plan.ms.length]!))
          return [...batch]
        }
        const { concurrency, ordered } = plan
        const reading = (async () => {
          for await (const { index } of streamInBatches(source(), fn, { batchSize, concurrency, ordered, clock })) {
            seen.push(index)
            const window = batchSize * concurrency * (ordered ? 2 : 1)
            expect(read).toBeLessThanOrEqual(seen.length - 1 + batchSize + window)
            if (seen.length > stopAfter) break
          }
        })()
        await clock.advance(20_000)
        await reading
        const expected = indexes(Math.min(plan.count, stopAfter + 1))
        if (ordered) expect(seen).toEqual(expected)
        else expect(new Set(seen).size).toBe(expected.length)
        expect(open).toBe(false)
        expect(clock.pendingTimers()).toBe(0)
      }),
      { numRuns: 150 },
    )
  })
})

describe('a batcher under random calls', () => {
  it('answers every caller with its own item, whatever is asked for, when, and by whom', async () => {
    const call = fc.record({
      item: fc.nat(8),
      at: fc.nat(40),
      leaveAt: fc.option(fc.nat(60), { nil: undefined, freq: 3 }),
    })
    await fc.assert(
      fc.asyncProperty(
        fc.array(call, { maxLength: 40 }),
        fc.record({
          maxItems: fc.integer({ min: 1, max: 6 }),
          maxWait: fc.nat(20),
          concurrency: fc.integer({ min: 1, max: 3 }),
        }),
        fc.array(fc.constantFrom('fine', 'fine', 'throws', 'short', 'deaf'), { minLength: 1, maxLength: 4 }),
        async (calls, options, fates) => {
          const clock = createFakeClock()
          let loads = 0
          const read = batcher({
            ...options,
            timeout: 50,
            clock,
            async load(items: readonly number[]) {
              expect(new Set(items).size).toBe(items.length)
              expect(items.length).toBeLessThanOrEqual(options.maxItems)
              const fate = fates[loads++ % fates.length]
              await new Promise<void>((resolve) => void clock.setTimer(resolve, 7))
              if (fate === 'throws') throw new Error('thrown')
              if (fate === 'deaf') return new Promise<never>(() => {})
              return items.slice(fate === 'short' ? 1 : 0).map((item) => item * 10)
            },
          })
          const answers = calls.map(
            ({ item, at, leaveAt }) =>
              new Promise<{ item: number; value?: number; error?: unknown }>((resolve) => {
                const caller = new AbortController()
                clock.setTimer(() => {
                  const answer = leaveAt === undefined ? read(item) : read(item, { signal: caller.signal })
                  answer.then(
                    (value) => resolve({ item, value }),
                    (error) => resolve({ item, error }),
                  )
                }, at)
                if (leaveAt !== undefined) clock.setTimer(() => caller.abort('left'), leaveAt)
              }),
          )
          await clock.advance(10_000)
          for (const { item, value, error } of await Promise.all(answers)) {
            if (error === undefined) expect(value).toBe(item * 10)
          }
          await read.close()
          await clock.settle()
          expect(read.stats()).toMatchObject({ queued: 0, running: 0 })
          expect(clock.pendingTimers()).toBe(0)
        },
      ),
      { numRuns: 150 },
    )
  })
})

describe('combined prompts with a model that answers at random', () => {
  const mischief = fc.constantFrom('right', 'right', 'missing', 'twice', 'foreign', 'invalid', 'cut')

  it('never take an answer for another, and end in a bounded number of calls', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 1, max: 5 }),
        fc.array(mischief, { minLength: 1, maxLength: 20 }),
        fc.array(fc.option(fc.constantFrom(429, 413, 401), { nil: undefined, freq: 6 }), {
          minLength: 1,
          maxLength: 5,
        }),
        async (count, maxTasks, mischiefs, failures) => {
          let answered = 0
          let calls = 0
          const ask = (tasks: readonly { readonly id: string }[]) => {
            const status = failures[calls++ % failures.length]
            if (status !== undefined) throw Object.assign(new Error('no'), { status })
            const entries = tasks.flatMap(({ id }): { id: string; answer: unknown }[] => {
              switch (mischiefs[answered++ % mischiefs.length]) {
                case 'missing':
                  return []
                case 'twice':
                  return [
                    { id, answer: `of ${id}` },
                    { id, answer: 'of another' },
                  ]
                case 'foreign':
                  return [{ id: `x${id}`, answer: `of ${id}` }]
                case 'invalid':
                  return [{ id, answer: 5 }]
                default:
                  return [{ id, answer: `of ${id}` }]
              }
            })
            const text = JSON.stringify({ answers: entries.toReversed() })
            // Of two answers with one id, both have to arrive for anybody to see that there are two.
            const cut = mischiefs.includes('cut') && !mischiefs.includes('twice')
            return cut && calls % 2 === 1 ? text.slice(0, (text.length * 2) / 3) : text
          }
          const text = {
            '~standard': {
              version: 1 as const,
              vendor: 'test',
              validate: (value: unknown) =>
                typeof value === 'string' ? { value } : { issues: [{ message: 'no text' }] },
            },
          }
          const tasks = indexes(count).map((n) => ({ id: `t${n}`, n }))
          const { outcomes, report } = await combinePrompts({ tasks, ask, maxTasks, schema: text })
          expect(outcomes.map(({ id }) => id)).toEqual(tasks.map(({ id }) => id))
          for (const { id, status, value } of outcomes) if (status === 'ok') expect(value).toBe(`of ${id}`)
          expect(report.calls.length).toBe(calls)
          expect(calls).toBeLessThanOrEqual(Math.ceil(count / maxTasks) * 2 + count)
        },
      ),
      { numRuns: 300 },
    )
  })

  it('read back what JSON.stringify wrote, and of any beginning of it nothing that is not in it', () => {
    const answers = fc.array(fc.record({ id: fc.string(), answer: fc.jsonValue() }), { maxLength: 6 })
    fc.assert(
      fc.property(answers, fc.nat(), (entries, cut) => {
        const plain = JSON.parse(JSON.stringify(entries)) as { id: string; answer: unknown }[]
        const text = JSON.stringify({ answers: plain })
        const whole = plain.map(({ id, answer }) => ({ id, value: answer }))
        expect(readAnswers(text).answers).toEqual(whole)
        const { answers: part } = readAnswers(text.slice(0, cut % text.length))
        expect(part).toEqual(whole.slice(0, part.length))
      }),
      { numRuns: 500 },
    )
  })

  it('divide usage to the last token', () => {
    const weight = fc.record({ input: fc.nat(1000), output: fc.oneof(fc.nat(1000), fc.constant(Number.NaN)) })
    const weights = fc.array(weight, { minLength: 1, maxLength: 20 })
    fc.assert(
      fc.property(
        weights,
        fc.nat(100_000),
        fc.nat(100_000),
        fc.double({ min: 0, max: 10, noNaN: true }),
        (parts, i, o, usd) => {
          const shares = splitUsage({ inputTokens: i, outputTokens: o, costUsd: usd }, parts)
          expect(shares.reduce((sum, { inputTokens }) => sum + inputTokens, 0)).toBe(i)
          expect(shares.reduce((sum, { outputTokens }) => sum + outputTokens, 0)).toBe(o)
          expect(shares.reduce((sum, { costUsd }) => sum + costUsd, 0)).toBeCloseTo(usd)
          expect(shares.every(({ inputTokens, outputTokens }) => inputTokens >= 0 && outputTokens >= 0)).toBe(true)
        },
      ),
    )
  })
})

describe('a graph of edits at random', () => {
  const fields = ['a', 'b', 'c', 'd'] as const
  const item = fc.record({
    writes: fc.uniqueArray(fc.constantFrom(...fields), { minLength: 1, maxLength: 2 }),
    declares: fc.constantFrom('all', 'nothing', 'other'),
    ms: fc.nat(30),
    needs: fc.array(fc.nat(7), { maxLength: 2 }),
    fails: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
  })

  it('loses no edit: the document is what some order of the items makes of it, the same whoever is faster', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(item, { minLength: 1, maxLength: 8 }),
        fc.integer({ min: 1, max: 4 }),
        async (items, concurrency) => {
          const run = async (pace: (ms: number) => number, atOnce: number) => {
            const clock = createFakeClock()
            const running = processGraph(items, {
              id: (_, index) => `${index}`,
              document: { a: [], b: [], c: [], d: [] } as Record<string, readonly string[]>,
              dependsOn: ({ needs }, index) => needs.filter((need) => need < index).map(String),
              touches: ({ declares, writes }) =>
                declares === 'nothing' ? undefined : declares === 'all' ? writes.map((name) => `/${name}`) : ['/d'],
              async run({ writes, ms, fails }, { document }): Promise<readonly DocumentEdit[]> {
                const own = `${items.findIndex((one) => one.writes === writes)}`
                await new Promise<void>((resolve) => void clock.setTimer(resolve, pace(ms)))
                if (fails) throw new Error('failed')
                return writes.map((name) => ({ path: `/${name}`, value: [...(document[name] ?? []), own] }))
              },
              concurrency: atOnce,
              clock,
            })
            await clock.advance(5000)
            expect(clock.pendingTimers()).toBe(0)
            return running
          }
          const { document, outcomes, report } = await run((ms) => ms, concurrency)
          for (const [index, { status }] of outcomes.entries()) {
            for (const name of fields) {
              const times = document[name]!.filter((own) => own === `${index}`).length
              expect(times).toBe(status === 'ok' && items[index]!.writes.includes(name) ? 1 : 0)
            }
            const needs = items[index]!.needs.filter((need) => need < index)
            const broken = needs.some((need) => outcomes[need]!.status !== 'ok')
            expect(status).toBe(broken ? 'skipped' : items[index]!.fails ? 'failed' : 'ok')
          }
          // Each list is in the order in which results took effect.
          for (const name of fields) {
            expect(document[name]).toEqual(report.order.filter((id) => items[Number(id)]!.writes.includes(name)))
          }
        },
      ),
      { numRuns: 200 },
    )
  })

  it('makes one document of another by the edits between them', async () => {
    const document = fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 }), { maxKeys: 5 })
    await fc.assert(
      fc.asyncProperty(document, document, async (before, after) => {
        const from = JSON.parse(JSON.stringify(before))
        const to = JSON.parse(JSON.stringify(after))
        const { document: made, outcomes } = await processGraph([0], {
          document: from,
          run: () => editsBetween(from, to),
        })
        expect(outcomes[0]!.error).toBeUndefined()
        expect(made).toEqual(to)
      }),
      { numRuns: 300 },
    )
  })
})
