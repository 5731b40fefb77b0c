import { describe, expect, it } from 'vitest'
import { cached } from '../../../src/cache/cached.js'
import { stateOf } from '../../../src/cache/namespace-state.js'
import { preset } from '../../../src/cache/presets.js'
import { createStash } from '../../../src/cache/stash.js'
import { createFakeClock } from '../../../src/testing/fake-clock.js'
import { createLoads, never, open } from './fixture.js'

interface Question {
  readonly user: string
  readonly about: string
}

const ofUser = { subject: (key: unknown) => (key as Question).user }
const ask = (user: string, about = 'x'): Question => ({ user, about })
const OUT_OF_REACH = ['replicas', 'backups']

describe('forget', () => {
  it('removes every entry of the subject from memory, in every namespace, and tells how many', async () => {
    const { things, stash, others } = open(ofUser)
    await things.set(ask('ann', 'a'), 1)
    await things.getOrSet(ask('ann', 'b'), () => 2)
    await things.set(ask('ben'), 3)
    await others.set('k', 4, { subject: 'ann' })
    const before = stash.stats().totals.size
    expect(await stash.forget('ann')).toEqual({ memory: 3, store: 'none', peers: 'none', notCovered: OUT_OF_REACH })
    // Physically: the size tells, and no read has to notice first.
    expect([before, stash.stats().totals.size]).toEqual([4, 1])
    expect(things.peek(ask('ben'))).toBe(3)
    expect(things.peek(ask('ann', 'a'))).toBeUndefined()
    expect(await stash.forget('ann')).toMatchObject({ memory: 0 })
  })

  it('counts an entry that was replaced once, and one that changed hands for its present subject', async () => {
    const { others, stash } = open()
    await others.set('k', 1, { subject: 'ann' })
    await others.set('k', 2, { subject: 'ann' })
    await others.set('l', 1, { subject: 'ann' })
    await others.set('l', 2, { subject: 'ben' })
    expect(await stash.forget('ann')).toMatchObject({ memory: 1 })
    expect(others.peek('l')).toBe(2)
    expect(await stash.forget('ben')).toMatchObject({ memory: 1 })
  })

  it('keeps a load in flight from being stored; those who wait for it get it', async () => {
    const { things, stash, clock } = open(ofUser)
    const loads = createLoads()
    const waiting = [things.getOrSet(ask('ann'), loads.loader), things.getOrSet(ask('ann'), loads.loader)]
    const other = things.getOrSet(ask('ben'), loads.loader)
    expect(await stash.forget('ann')).toMatchObject({ memory: 0 })
    loads.call(0).resolve('hers')
    loads.call(1).resolve('his')
    expect(await Promise.all(waiting)).toEqual(['hers', 'hers'])
    await other
    await clock.settle()
    expect(things.peek(ask('ann'))).toBeUndefined()
    expect(things.peek(ask('ben'))).toBe('his')
    expect(things.stats()).toMatchObject({ size: 1, refused: { invalidated: 1 } })
  })

  it('gives a caller that joins after it nothing from before it', async () => {
    const { things, stash } = open(ofUser)
    const loads = createLoads()
    const first = things.getOrSet(ask('ann'), loads.loader)
    await stash.forget('ann')
    const late = things.getOrSet(ask('ann'), loads.loader)
    loads.call(0).resolve('from before')
    expect(await first).toBe('from before')
    loads.call(1).resolve('from after')
    expect(await late).toBe('from after')
  })

  it('keeps what began after it', async () => {
    const { things, stash } = open(ofUser)
    await stash.forget('ann')
    await things.getOrSet(ask('ann'), () => 'new')
    expect(await things.getOrSet(ask('ann'), never)).toBe('new')
  })

  it('reaches refreshes, their old value, write-throughs and remembered errors', async () => {
    const { things, stash, clock } = open({
      ...ofUser,
      ttl: '1m',
      staleWhileRevalidate: '1h',
      negative: { when: () => true, ttl: '1h' },
    })
    await things.set(ask('ann', 'a'), 'old')
    await things.getOrSet(ask('ann', 'b'), () => Promise.reject(new Error('about her'))).catch(() => undefined)
    await clock.advance(60_000)
    const loads = createLoads()
    await things.getOrSet(ask('ann', 'a'), loads.loader)
    const saves = createLoads()
    const writing = things.writeThrough(ask('ann', 'c'), 'written', () => saves.loader({} as never))
    await clock.settle()
    await stash.forget('ann')
    expect(stateOf(things).negatives.size).toBe(0)
    expect(loads.call(0).context.stale).toBeUndefined()
    loads.call(0).resolve('refreshed')
    saves.call(0).resolve(undefined)
    expect(await writing).toBe('written')
    await clock.settle()
    expect(things.stats().size).toBe(0)
    expect(await things.getOrSet(ask('ann', 'b'), () => 'no error')).toBe('no error')
  })

  it('works for presets that name a subject, and for records whose call names one', async () => {
    const stash = createStash({ clock: createFakeClock() })
    await stash.resume.set(42, {})
    await stash.evaluation.set({ jobId: 'j', resume: {}, resumeId: '42' }, 'good')
    await stash.tailoredResume.set({ jobId: 'j', baseResume: {}, resumeId: '42' }, 'tailored')
    await stash.evaluation.set({ jobId: 'j2', resume: {} }, 'nobody in particular')
    const records = stash.general.records<string>('hop')
    await records.load('k', async () => 'a record', { subject: '42' })
    expect(await stash.forget('42')).toMatchObject({ memory: 4 })
    expect(stash.stats().totals.size).toBe(1)
  })

  it('reaches what cached functions keep, where they say whose it is', async () => {
    const { things, stash } = open()
    const score = cached(async (user: string, n: number) => `${user} ${n}`, {
      in: things,
      name: 'score',
      subject: (user) => (user === 'nobody' ? undefined : user === 'odd' ? (5 as never) : user),
    })
    for (const user of ['ann', 'ben', 'nobody', 'odd']) expect(await score(user, 1)).toBe(`${user} 1`)
    expect(things.stats()).toMatchObject({ size: 3, bypassed: 1 })
    expect(await stash.forget('ann')).toMatchObject({ memory: 1 })
    expect([score.peek('ann', 1), score.peek('ben', 1)]).toEqual([undefined, 'ben 1'])
  })

  it('keeps values out whose subject cannot be told: what cannot be erased must not be kept', async () => {
    const { things, stash } = open({
      subject: (key) => {
        if (key === 'throws') throw new Error('no')
        return (key === 'number' ? 42 : '') as string
      },
    })
    for (const key of ['throws', 'number', 'empty']) {
      expect(await things.getOrSet(key, () => 1)).toBe(1)
      expect(await things.set(key, 1)).toEqual({ memory: 'failed', store: 'none' })
    }
    expect(things.stats()).toMatchObject({ size: 0, refused: { 'policy-error': 6 } })
    expect(stash.stats().totals.size).toBe(0)
  })

  it.each([
    ['a number', 42],
    ['nothing', undefined],
    ['null', null],
    ['an empty text', ''],
    ['a text without end', 'x'.repeat(1025)],
    ['an object', { user: 'ann' }],
  ])('refuses %s as a subject with ERR_KEY_UNSUPPORTED, and does not show it', async (_name, subject) => {
    const { stash } = open()
    const error = await stash.forget(subject as string).catch((reason) => reason)
    expect(error).toMatchObject({ code: 'ERR_KEY_UNSUPPORTED' })
    expect(error.message).not.toContain('ann')
  })

  it('is refused after close', async () => {
    const { stash } = open()
    await stash.close()
    await expect(stash.forget('ann')).rejects.toMatchObject({ code: 'ERR_CLOSED' })
  })

  it('shows the subject nowhere: neither in tags nor in explanations, and a secret changes its digest', async () => {
    const { others } = open()
    await others.set('k', 1, { subject: 'ann', tags: ['t'] })
    expect(await others.getEntry('k')).toMatchObject({ tags: ['t'] })
    expect(others.explain('k').tags).toEqual(['t'])
    expect(JSON.stringify([await others.getEntry('k'), others.explain('k')])).not.toMatch(/ann|subject/)
  })

  it('keeps no index for what is gone: it is as large as what is in memory', async () => {
    const { things, stash } = open({ ...ofUser, max: 10 })
    for (let i = 0; i < 1000; i++) await things.set(ask(`user ${i % 20}`, `${i}`), i)
    let total = 0
    for (let user = 0; user < 20; user++) total += (await stash.forget(`user ${user}`)).memory
    expect(total).toBe(10)
    expect(things.stats()).toMatchObject({ size: 0, bytes: 0 })
  })

  it('refuses tags that look like a subject', async () => {
    const { others } = open()
    await expect(others.invalidateTags(['\u0001subject/x'])).rejects.toMatchObject({ code: 'ERR_OPTION_INVALID' })
  })

  it('presets may name another subject', async () => {
    const stash = createStash({
      clock: createFakeClock(),
      namespaces: { resume: preset('resume', { subject: () => 'everybody' }) },
    })
    await stash.resume.set(1, {})
    expect(await stash.forget('everybody')).toMatchObject({ memory: 1 })
  })
})
