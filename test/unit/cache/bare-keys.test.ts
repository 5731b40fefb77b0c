import { describe, expect, test } from 'vitest'
import { cached } from '../../../src/cache/cached.js'
import { createLoads, never, open } from './fixture.js'

// What memory knows the key `true` by. A caller may have it as a text.
const ID_OF_TRUE = '\u0001~t'

describe('a text that looks like what memory knows another key by', () => {
  test('does not get the value of that key', async () => {
    const { things } = open()
    await things.getOrSet(true, () => 'of true')
    expect(await things.getOrSet(ID_OF_TRUE, () => 'of the text')).toBe('of the text')
    expect(await things.getOrSet(true, never)).toBe('of true')
    expect(await things.getOrSet(ID_OF_TRUE, never)).toBe('of the text')
    expect(things.stats()).toMatchObject({ hits: 2, misses: 2, size: 2 })
  })

  test('does not join a crowd that waits for that key', async () => {
    const { things } = open()
    const loads = createLoads()
    const crowd = [1, 2, 3].map(() => things.getOrSet(true, loads.loader))
    const other = things.getOrSet(ID_OF_TRUE, () => 'of the text')
    loads.call(0).resolve('of true')
    expect(await Promise.all([...crowd, other])).toEqual(['of true', 'of true', 'of true', 'of the text'])
    expect(things.stats()).toMatchObject({ loads: 2, coalesced: 2 })
  })
})

describe('a short text is not its own id', () => {
  test('where the scope is told by the moment', async () => {
    let tenant: string | undefined
    const { things } = open({ scope: () => tenant })
    await things.getOrSet('k', () => 'of nobody')
    tenant = 'a'
    expect(await things.getOrSet('k', () => 'of a')).toBe('of a')
    expect(await things.getOrSet('k', never)).toBe('of a')
  })

  test('by a wrapped function, whose keys are its own', async () => {
    const { things } = open()
    await things.getOrSet('k', () => 'direct')
    const wrapped = cached(async (key: string) => `wrapped ${key}`, { in: things, name: 'wrapped' })
    expect(await wrapped('k')).toBe('wrapped k')
    expect(await things.getOrSet('k', never)).toBe('direct')
  })

  test('where the namespace makes the parts of a key', async () => {
    const { things } = open({ key: (key) => [String(key).toLowerCase()] })
    await things.getOrSet('K', () => 'one')
    expect(await things.getOrSet('k', never)).toBe('one')
  })
})

test('an empty text is a key', async () => {
  const { things } = open()
  await things.getOrSet('', () => 'of nothing')
  expect(await things.getOrSet('', never)).toBe('of nothing')
  expect(things.peek('')).toBe('of nothing')
})

test('texts too long to be kept as they are hit, too', async () => {
  const { things } = open()
  for (const length of [128, 129]) {
    const key = 'x'.repeat(length)
    await things.getOrSet(key, () => length)
    expect(await things.getOrSet(key, never)).toBe(length)
  }
})
