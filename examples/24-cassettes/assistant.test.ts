import { fileURLToPath } from 'node:url'
import { createStash } from 'hopstash'
import { cachedFetch } from 'hopstash/llm'
import { afterAll, expect, test } from 'vitest'
import { summarise } from './assistant.js'

// Committed with the tests. `CACHE_MODE=replay` in CI: nothing goes to the network, and no key is needed.
const folder = fileURLToPath(new URL('cassettes', import.meta.url))
const stash = createStash({ store: { folder } })
const fetch = cachedFetch(stash.aiResponse)

afterAll(() => stash.close())

test('a text is summarised', async () => {
  expect(await summarise('The quick brown fox jumps over the lazy dog.', fetch)).toBe('Fox jumps over lazy dog')
})

test('in a replay, what was never recorded says which recorded request is nearest', async () => {
  const asked = summarise('The quick brown fox sleeps.', fetch)
  await expect(asked).rejects.toMatchObject({
    code: 'ERR_REPLAY_MISS',
    context: { nearest: expect.stringContaining('.entry'), paths: ['$.body.messages[1].content'] },
  })
})
