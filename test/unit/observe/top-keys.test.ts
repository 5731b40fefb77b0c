import { channel } from 'node:diagnostics_channel'
import { expect, it } from 'vitest'
import { createStash } from '../../../src/cache/stash.js'
import { createTopKeys } from '../../../src/observe/top-keys.js'

it('counts reads by key while somebody watches, and nobody is listened to otherwise', async () => {
  const stash = createStash({ store: 'memory' })
  const read = (id: string) => stash.job.getOrSet(id, () => ({ id }))
  const top = createTopKeys()
  await read('a')
  expect(channel('hopstash:cache').hasSubscribers).toBe(false)
  const first = top.watch()
  const second = top.watch()
  for (const id of ['a', 'b', 'a', 'a', 'b', 'c']) await read(id)
  expect(top.read().map(({ namespace, reads, hits }) => [namespace, reads, hits])).toEqual([
    ['job', 3, 3],
    ['job', 2, 1],
    ['job', 1, 0],
  ])
  expect(JSON.stringify(top.read())).not.toMatch(/"[abc]"/)
  first()
  first()
  expect(channel('hopstash:cache').hasSubscribers).toBe(true)
  second()
  expect(channel('hopstash:cache').hasSubscribers).toBe(false)
  expect(top.read()).toEqual([])
})

it('stays bounded and keeps what is read often', async () => {
  const stash = createStash({ store: 'memory' })
  const top = createTopKeys()
  const end = top.watch()
  for (let n = 0; n < 2000; n++) {
    await stash.job.getOrSet(`rare-${n}`, () => 1)
    await stash.job.getOrSet('often', () => 1)
  }
  end()
  const again = top.watch()
  for (let n = 0; n < 600; n++) {
    await stash.job.getOrSet(`rare-${n}`, () => 1)
    await stash.job.getOrSet('often', () => 1)
  }
  expect(top.read().length).toBe(10)
  expect(top.read()[0]?.reads).toBe(600)
  again()
})
