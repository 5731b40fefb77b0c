import { expect, it } from 'vitest'
import type { WarmSummary } from '../../../src/cache/warm.js'
import { warmOnStart } from '../../../src/cache/warm-on-start.js'
import { open } from './fixture.js'

it('warms at once what is not there, and from then on what is there, too, at shortened intervals', async () => {
  const { things, clock } = open()
  let loads = 0
  const done: WarmSummary[] = []
  await things.set('there', 'old')
  const items = ['there', 'new'].map((key) => ({ key, load: () => `load ${++loads}` }))
  const warmUp = warmOnStart(things, items, { every: '10m', clock, onDone: (summary) => done.push(summary) })
  expect(await warmUp.first).toMatchObject({ done: 2, loaded: 1 })
  expect([things.peek('there'), things.peek('new')]).toEqual(['old', 'load 1'])
  // Between warm-ups nothing keeps a process alive.
  expect(clock.pendingTimers(true)).toBe(0)
  await clock.advance(600_000)
  expect(done.map(({ loaded }) => loaded)).toEqual([1, 2])
  expect(things.peek('there')).toMatch('load')
  warmUp.stop()
  await clock.advance(3_600_000)
  expect([done.length, clock.pendingTimers(true)]).toEqual([2, 0])
})

it('never overlaps, and begins nothing once it is stopped', async () => {
  const { things, clock } = open()
  let running = 0
  let most = 0
  let release = (): void => {}
  const load = async () => {
    most = Math.max(most, ++running)
    await new Promise<void>((resolve) => {
      release = resolve
    })
    running--
    return 1
  }
  const warmUp = warmOnStart(
    things,
    [
      { key: 'a', load },
      { key: 'b', load },
    ],
    { every: '1s', clock, concurrency: 1 },
  )
  await new Promise((resolve) => setImmediate(resolve))
  await clock.advance(60_000)
  expect(most).toBe(1)
  warmUp.stop()
  release()
  expect(await warmUp.first).toMatchObject({ done: 1, skipped: 1 })
  await clock.advance(60_000)
  expect(most).toBe(1)
})

it('goes on when its items cannot be had, and when those it tells throw', async () => {
  const { things, clock } = open()
  const errors: unknown[] = []
  let calls = 0
  const warmUp = warmOnStart(
    things,
    () => (++calls === 1 ? Promise.reject(new Error('database down')) : [{ key: 'a', load: () => 1 }]),
    {
      every: 1000,
      clock,
      onError: (error) => {
        errors.push(error)
        throw error
      },
      onDone: () => {
        throw new Error('log down')
      },
    },
  )
  expect(await warmUp.first).toBeUndefined()
  await clock.advance(1000)
  await new Promise((resolve) => setImmediate(resolve))
  expect([errors.length, calls, things.peek('a')]).toEqual([1, 2, 1])
  warmUp.stop()
})

it.each([
  [{ every: 0 }, /`every`/],
  [{ jitter: 1 }, /`jitter`/],
  [{ jitter: '0.5' }, /`jitter`/],
  [{ evry: '1m' }, /`evry`.*`every`/],
  [{ signal: new AbortController().signal }, /`signal`/],
])('refuses %o', (options, message) => {
  const { things } = open()
  expect(() => warmOnStart(things, [], options as never)).toThrow(message)
  expect(() => warmOnStart(things, 'a' as never)).toThrow(/`items`/)
  expect(() => warmOnStart(undefined as never, [])).toThrow(/`namespace`/)
  expect(() => warmOnStart({} as never, [])).toThrow(/`namespace`/)
})
