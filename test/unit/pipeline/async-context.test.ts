import { AsyncLocalStorage } from 'node:async_hooks'
import { describe, expect, it } from 'vitest'
import { pipeline, type RunReport } from '../../../src/pipeline/index.js'
import { createFakeClock, type FakeClock } from '../../../src/testing/fake-clock.js'
import { fakeRecords } from './fake-records.js'
import { deaf, httpError, resolveAfter } from './support.js'

const requests = new AsyncLocalStorage<string>()

/** Runs it once for each of two requests at once, and what each of its functions found itself to be part of. */
async function askedTwice(clock: FakeClock, run: (input: string, found: (string | undefined)[]) => Promise<unknown>) {
  const found = { ada: [] as (string | undefined)[], bob: [] as (string | undefined)[] }
  const runs = (['ada', 'bob'] as const).map((who) => requests.run(who, () => run(who, found[who])))
  await clock.advance(60_000)
  await Promise.all(runs)
  return { ada: [...new Set(found.ada)], bob: [...new Set(found.bob)], calls: found.ada.length + found.bob.length }
}

const apart = { ada: ['ada'], bob: ['bob'] }

describe('a function of a run finds the request it is part of', () => {
  it('where its call had to wait for the permit of another', async () => {
    const clock = createFakeClock()
    for (const cached of [false, true]) {
      const p = pipeline<{ who: string; found: (string | undefined)[] }>('p', { clock })
        .hop('a', {
          concurrency: 1,
          ...(cached && { cache: { in: fakeRecords(clock), key: ({ input: { input } }) => input.who } }),
          run: ({ input }) => {
            input.found.push(requests.getStore())
            return resolveAfter(clock, 10, 1)
          },
        })
        .hop('b', { needs: ['a'], run: ({ input }) => input.found.push(requests.getStore()) })
        .assemble(({ input }) => input.found.push(requests.getStore()))
      const seen = await askedTwice(clock, (who, found) => p.run({ who, found }))
      expect(seen).toEqual({ ...apart, calls: 6 })
    }
  })

  it('after an attempt or a fallback that took too long', async () => {
    const clock = createFakeClock()
    const p = pipeline<(string | undefined)[]>('p', { clock, defaults: { timeout: 10, retry: { attempts: 2 } } })
      .hop('a', {
        run: ({ input }, { attempt }) => {
          input.push(requests.getStore())
          return attempt === 1 ? deaf<number>() : Promise.reject(httpError(500))
        },
        fallback: [() => deaf<number>(), ({ input: { input } }) => input.push(requests.getStore())],
      })
      .hop('b', { needs: ['a'], run: ({ input }) => input.push(requests.getStore()) })
      .assemble(({ input }) => input.push(requests.getStore()))
    expect(await askedTwice(clock, (_, found) => p.run(found))).toEqual({ ...apart, calls: 10 })
  })

  it('when the deadline passes, or its caller leaves', async () => {
    const clock = createFakeClock()
    const told: (string | undefined)[] = []
    const onRun = ({ status }: RunReport) => told.push(`${status} ${requests.getStore()}`)
    const p = pipeline<(string | undefined)[]>('p', { clock, onRun })
      .hop('a', { run: () => deaf<number>(), fallback: [({ input: { input } }) => input.push(requests.getStore())] })
      .assemble(({ input }) => input.push(requests.getStore()))
    expect(await askedTwice(clock, (_, found) => p.run(found, { deadline: '1s' }))).toEqual({ ...apart, calls: 4 })
    const leaving = new AbortController()
    const left = requests.run('ada', () => p.run([], { signal: leaving.signal }))
    requests.run('bob', () => leaving.abort())
    await left
    expect(told.sort()).toEqual(['cancelled ada', 'degraded ada', 'degraded bob'])
  })
})
