import { setFlagsFromString } from 'node:v8'
import { expect, test } from 'vitest'
import { createNodeRedis } from '../../../src/redis/node-redis.js'

setFlagsFromString('--allow-natives-syntax')
const areTextsQuick = new Function('return %HasFastProperties(String.prototype)') as () => boolean

test('loading node-redis makes all texts slow, and making a client of it makes them quick again', async () => {
  await import('@keyv/redis')
  // Where this fails one day the client has mended it, and `quickenTexts` has nothing left to do.
  expect(areTextsQuick()).toBe(false)
  await createNodeRedis({ url: 'redis://127.0.0.1:1' })
  expect(areTextsQuick()).toBe(true)
})
