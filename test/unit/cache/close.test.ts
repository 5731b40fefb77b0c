import { execFile } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { abortListeners, createLoads, never, open, unhandledDuring } from './fixture.js'
import { openShared } from './shared-fixture.js'

describe('close', () => {
  it('lets loads under way answer their callers, and keeps nothing of them', async () => {
    const { things, stash, clock } = open({ tags: ['t'], negative: { when: () => true, ttl: '1h' } })
    const loads = createLoads()
    const waiting = [things.getOrSet('a', loads.loader), things.getOrSet('b', loads.loader)]
    await stash.close()
    loads.call(0).resolve('value')
    loads.call(1).reject(new Error('down'))
    expect(await waiting[0]).toBe('value')
    await expect(waiting[1]).rejects.toThrow('down')
    await clock.settle()
    expect(things.stats()).toMatchObject({ size: 0, bytes: 0, inFlight: 0 })
    expect(stash.stats().totals.bytes).toBe(0)
    expect(clock.pendingTimers()).toBe(0)
  })

  it('leaves no timer that would keep the process from ending: a loader that never settles is nothing to wait for', async () => {
    const { things, stash, clock } = open({ hardTimeout: '5m' })
    const waiting = things.getOrSet('a', createLoads().loader)
    expect(clock.pendingTimers(true)).toBe(1)
    await stash.close()
    expect(clock.pendingTimers(true)).toBe(0)
    const later = things.getOrSet('b', createLoads().loader)
    expect(clock.pendingTimers(true)).toBe(0)
    const settled = Promise.allSettled([waiting, later])
    await clock.advance(300_000)
    expect(await settled).toMatchObject([
      { reason: { code: 'ERR_LOAD_TIMEOUT' } },
      { reason: { code: 'ERR_LOAD_TIMEOUT' } },
    ])
  })

  it('ends refreshes that nobody waits for, and tells them so', async () => {
    const { things, stash, clock } = open({ ttl: '1m', staleWhileRevalidate: '1h' })
    await things.set('k', 'old')
    await clock.advance(60_000)
    const loads = createLoads()
    await things.getOrSet('k', loads.loader)
    const { signal } = loads.call(0).context
    const unhandled = await unhandledDuring(async () => {
      await stash.close()
    })
    expect(signal.aborted).toBe(true)
    expect(clock.pendingTimers()).toBe(0)
    expect(unhandled).toEqual([])
    loads.call(0).resolve('too late')
    await clock.settle()
    expect(things.stats()).toMatchObject({ size: 0, inFlight: 0 })
  })

  it('does not end a refresh that a caller has joined', async () => {
    const { things, stash, clock } = open({ ttl: '1m', staleWhileRevalidate: '1m' })
    await things.set('k', 'old')
    await clock.advance(60_000)
    const loads = createLoads()
    await things.getOrSet('k', loads.loader)
    await clock.advance(60_000)
    const joined = things.getOrSet('k', loads.loader)
    await stash.close()
    loads.call(0).resolve('new')
    expect(await joined).toBe('new')
    expect(loads.calls).toHaveLength(1)
  })

  it('lets later reads through to their loaders, shared while in flight, and keeps nothing', async () => {
    const { things, stash } = open({ tags: ['t'], staleWhileRevalidate: '1h' })
    await things.set('k', 'old')
    await stash.close()
    expect(things.peek('k')).toBeUndefined()
    const loads = createLoads()
    const both = [things.getOrSet('k', loads.loader), things.getOrSet('k', loads.loader)]
    loads.call(0).resolve('loaded')
    expect(await Promise.all(both)).toEqual(['loaded', 'loaded'])
    expect(await things.getOrSet('k', () => 'again')).toBe('again')
    expect(things.stats()).toMatchObject({ size: 0, bytes: 0, inFlight: 0 })
    expect(stash.stats().totals.bytes).toBe(0)
  })

  it('refuses writes and invalidations with ERR_CLOSED', async () => {
    const { things, stash } = open()
    await stash.close()
    const code = { code: 'ERR_CLOSED' }
    await expect(things.set('k', 1)).rejects.toMatchObject(code)
    await expect(things.delete('k')).rejects.toMatchObject(code)
    await expect(things.expire('k')).rejects.toMatchObject(code)
    await expect(things.clear()).rejects.toMatchObject(code)
    await expect(things.invalidateTags(['t'])).rejects.toMatchObject(code)
    await expect(stash.clear()).rejects.toMatchObject(code)
    await expect(stash.invalidateTags(['t'])).rejects.toMatchObject(code)
    await expect(things.update('k', () => 1, never)).rejects.toMatchObject(code)
  })

  it('may come twice, and by `await using`', async () => {
    const { stash, things } = open()
    await Promise.all([stash.close(), stash.close()])
    await stash[Symbol.asyncDispose]()
    expect(things.stats().size).toBe(0)
  })

  it('ends a load whose callers were content with a stale value, and leaves no timer', async () => {
    const { things, stash, clock } = open({ ttl: '1m', staleIfError: '1h', softTimeout: '1s', hardTimeout: '1h' })
    const loads = createLoads()
    await things.set('k', 'old')
    await clock.advance(60_000)
    const caller = new AbortController()
    const answers = [things.getOrSet('k', loads.loader), things.getOrSet('k', loads.loader, { signal: caller.signal })]
    await clock.advance(1000)
    expect(await Promise.all(answers)).toEqual(['old', 'old'])
    const unhandled = await unhandledDuring(async () => {
      await stash.close()
    })
    expect(loads.call(0).context.signal.aborted).toBe(true)
    expect(clock.pendingTimers()).toBe(0)
    expect(abortListeners(caller.signal)).toBe(0)
    expect(unhandled).toEqual([])
    expect(loads.calls).toHaveLength(1)
  })

  it('does not end it where one caller more waits, without a stale value or with patience', async () => {
    const { things, stash, clock } = open({ ttl: '1m', staleIfError: '2m', softTimeout: '1s' })
    const loads = createLoads()
    await things.set('k', 'old')
    await clock.advance(60_000)
    const content = things.getOrSet('k', loads.loader)
    const patient = things.getOrSet('k', loads.loader, { softTimeout: '4m' })
    await clock.advance(1000)
    expect(await content).toBe('old')
    await stash.close()
    loads.call(0).resolve('new')
    expect(await patient).toBe('new')
    await clock.settle()
    expect(clock.pendingTimers()).toBe(0)
  })

  it('ends a refresh that a set has outranked, too', async () => {
    const { things, stash, clock } = open({ ttl: '1m', staleWhileRevalidate: '1h' })
    await things.set('k', 'old')
    await clock.advance(60_000)
    const loads = createLoads()
    await things.getOrSet('k', loads.loader)
    await things.set('k', 'new')
    await stash.close()
    expect(loads.call(0).context.signal.aborted).toBe(true)
    expect(clock.pendingTimers()).toBe(0)
  })

  it('with a shared store: ends what nobody waits for, answers who waits, and keeps nothing', async () => {
    const life = { ttl: '1m', staleIfError: '1h', staleWhileRevalidate: '10s', softTimeout: '1s' } as const
    const { world, things } = openShared(life)
    const { clock, processes } = world
    await world.settle()
    const [refresh, load, other] = [createLoads(), createLoads(), createLoads()]
    for (const key of ['content', 'refreshed']) await world.run(things.set(key, 'old'))
    await clock.advance(60_000)
    await world.run(things.getOrSet('refreshed', refresh.loader))
    await clock.advance(11_000)
    const content = things.getOrSet('content', load.loader)
    const waiting = things.getOrSet('new', other.loader)
    await clock.advance(1000)
    expect(await content).toBe('old')
    await world.run(processes[0].stash.close())
    const aborted = [refresh, load, other].map((loads) => loads.call(0).context.signal.aborted)
    expect(aborted).toEqual([true, true, false])
    other.call(0).resolve('answer')
    expect(await world.run(waiting)).toBe('answer')
    await world.run(processes[1].stash.close())
    expect(clock.pendingTimers()).toBe(0)
    expect(world.store.entryKeys()).toHaveLength(2)
  })

  it('stops the sweeper', async () => {
    const { stash, clock } = open()
    expect(clock.pendingTimers()).toBe(1)
    await stash.close()
    expect(clock.pendingTimers()).toBe(0)
  })
})

describe('what keeps a process alive', () => {
  it('is nothing when idle: neither an open stash nor its entries', async () => {
    const { things, clock } = open({ ttl: '1h', staleWhileRevalidate: '1h', softTimeout: '1s', refreshAhead: 0.5 })
    await things.getOrSet('k', async () => 1)
    await things.set('s', 1)
    await clock.settle()
    expect(clock.pendingTimers(true)).toBe(0)
  })

  it('is a load that somebody waits for, also where its key has no canonical form or it is a second try', async () => {
    const { things, clock } = open({ tags: (value) => value as string[] })
    const loads = createLoads()
    const first = things.getOrSet('k', loads.loader)
    expect(clock.pendingTimers(true)).toBe(1)
    const bypassed = things.getOrSet(() => 1, loads.loader)
    expect(clock.pendingTimers(true)).toBe(2)
    await things.invalidateTags(['t'])
    const late = things.getOrSet('k', loads.loader)
    loads.call(0).resolve(['t'])
    await first
    await clock.settle()
    expect(loads.calls).toHaveLength(3)
    expect(clock.pendingTimers(true)).toBe(2)
    loads.call(1).resolve([])
    loads.call(2).resolve([])
    await Promise.all([bypassed, late])
    expect(clock.pendingTimers(true)).toBe(0)
  })

  it('is not a refresh behind, until a caller joins it; its hardTimeout stays the same', async () => {
    const { things, clock } = open({ ttl: '1m', staleWhileRevalidate: '1m', hardTimeout: '3m' })
    await things.set('k', 'old')
    await clock.advance(60_000)
    const loads = createLoads()
    await things.getOrSet('k', loads.loader)
    expect(clock.pendingTimers(true)).toBe(0)
    await clock.advance(60_000)
    const joined = things.getOrSet('k', loads.loader)
    joined.catch(() => undefined)
    expect(clock.pendingTimers(true)).toBe(1)
    await clock.advance(119_999)
    expect(things.stats().inFlight).toBe(1)
    await clock.advance(1)
    await expect(joined).rejects.toMatchObject({ code: 'ERR_LOAD_TIMEOUT' })
  })

  it('is not a load whose callers were content with a stale value, until another one waits for it', async () => {
    const { things, clock } = open({ ttl: '1m', staleIfError: '2m', softTimeout: '1s', hardTimeout: '1h' })
    await things.set('k', 'old')
    await clock.advance(60_000)
    const loads = createLoads()
    const content = things.getOrSet('k', loads.loader)
    expect(clock.pendingTimers(true)).toBe(2)
    await clock.advance(1000)
    await content
    expect(clock.pendingTimers(true)).toBe(0)
    await clock.advance(120_000)
    const waiting = things.getOrSet('k', loads.loader)
    expect(clock.pendingTimers(true)).toBe(1)
    loads.call(0).resolve('new')
    expect(await waiting).toBe('new')
    expect(loads.calls).toHaveLength(1)
  })

  it('lets a script end that never closes its stash', async () => {
    const script = `
      import { createStash } from './src/index.ts'
      const stash = createStash()
      await stash.general.getOrSet('k', async () => 1)
      for (let i = 0; i < 1000; i++) await stash.general.getOrSet('k', () => 2)
      console.log('done')
    `
    const { stdout, code } = await runScript(script)
    expect([stdout.trim(), code]).toEqual(['done', 0])
  }, 20_000)
})

function runScript(script: string): Promise<{ stdout: string; code: number }> {
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      ['--import', 'tsx', '--input-type=module', '-e', script],
      { cwd: new URL('../../..', import.meta.url).pathname, timeout: 15_000, env: { PATH: process.env.PATH ?? '' } },
      (_error, stdout) => resolve({ stdout, code: child.exitCode ?? -1 }),
    )
  })
}
