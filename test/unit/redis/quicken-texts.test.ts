import { setFlagsFromString } from 'node:v8'
import { expect, test } from 'vitest'
import { createNodeRedis } from '../../../src/redis/node-redis.js'

setFlagsFromString('--allow-natives-syntax')
const areTextsQuick = new Function('return %HasFastProperties(String.prototype)') as () => boolean

test('texts are quick after node-redis has been loaded, which makes them slow', async () => {
  await createNodeRedis({ url: 'redis://127.0.0.1:1' })
  expect(areTextsQuick()).toBe(true)
})
