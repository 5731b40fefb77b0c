// The source fails for an hour, and nobody notices. A fake clock makes the hour short.
import assert from 'node:assert/strict'
import { createStash, namespace } from 'hopstash'
import { createFakeClock } from 'hopstash/testing'

const clock = createFakeClock()
const stash = createStash({
  clock,
  namespaces: {
    feed: namespace<readonly string[], string>({ ttl: '5m', jitter: 0, staleIfError: '1d', softTimeout: '300ms' }),
  },
})
let down = false
let calls = 0
async function fetchFeed(): Promise<readonly string[]> {
  calls++
  if (down) throw new Error('503')
  return [`job of call ${calls}`]
}
const read = () => stash.feed.getOrSet('node', fetchFeed)

console.log(await read())
down = true
await clock.advance(60 * 60_000)
assert.deepEqual(await read(), ['job of call 1'])
assert.equal(calls, 2)

// The failing source is left alone for a second; then for two, four, … up to sixty.
await read()
assert.equal(calls, 2)
await clock.advance(1000)
await read()
assert.equal(calls, 3)

// A slow source: the old value after 300 ms, and the new one when it is there.
down = false
await clock.advance(60_000)
const slow = stash.feed.getOrSet('node', async () => {
  await new Promise<void>((resolve) => clock.setTimer(resolve, 20_000))
  return ['late job']
})
await clock.advance(300)
console.log(await slow)
assert.deepEqual(await slow, ['job of call 1'])
await clock.advance(20_000)
assert.deepEqual(await read(), ['late job'])
await stash.close()
