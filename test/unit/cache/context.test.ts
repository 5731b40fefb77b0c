import { AsyncLocalStorage } from 'node:async_hooks'
import { describe, expect, it } from 'vitest'
import { open } from './fixture.js'

const request = new AsyncLocalStorage<object>()

/** What a promise holds on to beside its value: up to Node 22 the store of each `AsyncLocalStorage` it was made in. */
const heldBy = (promise: Promise<unknown>): unknown[] =>
  Object.getOwnPropertySymbols(promise).map((name) => (promise as unknown as Record<symbol, unknown>)[name])

describe('the promise that is kept with an entry', () => {
  it.each(['a hit', 'a stale answer'])('holds on to no request, though %s makes it in one', async (which) => {
    const { things, clock } = open({ ttl: '1m', staleWhileRevalidate: '1h' })
    await things.set('k', 'value')
    if (which === 'a stale answer') await clock.advance(120_000)
    const store = { of: 'a request' }
    const read = () => things.getOrSet('k', () => new Promise(() => {}))
    const first = request.run(store, read)
    expect(read()).toBe(first)
    expect(await first).toBe('value')
    expect(heldBy(first)).not.toContain(store)
  })
})
