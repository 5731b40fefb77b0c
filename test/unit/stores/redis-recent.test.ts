import { describe, expect, it } from 'vitest'
import { createRecentInvalidations } from '../../../src/stores/redis-recent.js'
import { createFakeClock } from '../../../src/testing/fake-clock.js'

const ref = (key: string, namespace = 'things') => ({ key, namespace, digest: key })

describe('what a process told the store lately', () => {
  it('is kept for ten minutes, each thing once', async () => {
    const clock = createFakeClock()
    const recent = createRecentInvalidations(clock)
    recent.add({ kind: 'key', ref: ref('a') })
    recent.add({ kind: 'names', names: ['t//x'], mode: 'delete' })
    await clock.advance(400_000)
    recent.add({ kind: 'key', ref: ref('a') })
    expect(recent.list()).toHaveLength(2)
    await clock.advance(300_000)
    expect(recent.list()).toEqual([{ kind: 'key', ref: ref('a') }])
    await clock.advance(301_000)
    expect(recent.list()).toEqual([])
  })

  it('becomes an invalidation of whole namespaces where it would be too much, and loses nothing', () => {
    const recent = createRecentInvalidations(createFakeClock())
    recent.add({ kind: 'names', names: ['t/tagged/x'], mode: 'expire' })
    for (let index = 0; index < 10_000; index++) recent.add({ kind: 'key', ref: ref(`k${index}`) })
    expect(recent.list()).toEqual([{ kind: 'names', names: ['n/tagged', 'n/things'], mode: 'delete' }])
    recent.add({ kind: 'names', names: ['t//everywhere'], mode: 'delete' })
    for (let index = 0; index < 10_000; index++) recent.add({ kind: 'key', ref: ref(`k${index}`) })
    expect(recent.list()).toContainEqual({ kind: 'names', names: ['*'], mode: 'delete' })
  })

  it('is bounded by names, too, each counted once and not after its time', async () => {
    const clock = createFakeClock()
    const recent = createRecentInvalidations(clock)
    const some = (round: number): string[] => Array.from({ length: 10_000 }, (_, index) => `t/things/${round}:${index}`)
    for (let again = 0; again < 20; again++) recent.add({ kind: 'names', names: some(0), mode: 'delete' })
    for (let round = 1; round < 10; round++) recent.add({ kind: 'names', names: some(round), mode: 'delete' })
    expect(recent.list()).toHaveLength(10)
    await clock.advance(700_000)
    for (let round = 0; round < 10; round++) recent.add({ kind: 'names', names: some(round), mode: 'delete' })
    expect(recent.list()).toHaveLength(10)
    recent.add({ kind: 'names', names: ['t/others/x'], mode: 'delete' })
    expect(recent.list()).toEqual([{ kind: 'names', names: ['n/things', 'n/others'], mode: 'delete' }])
  })
})
