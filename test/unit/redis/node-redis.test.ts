import { expect, it, vi } from 'vitest'
import { createNodeRedis } from '../../../src/redis/node-redis.js'

vi.mock('@keyv/redis', () => {
  throw new Error('no such thing in a bundle')
})

it('a client that cannot be loaded is warned about once, however often it is tried', async () => {
  const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
  const failure = expect.objectContaining({ code: 'ERR_PEER_MISSING' })
  await expect(createNodeRedis({})).rejects.toThrowError(failure)
  await expect(createNodeRedis({})).rejects.toThrowError(failure)
  expect(warned).toHaveBeenCalledExactlyOnceWith(expect.stringContaining('memory serves alone'), {
    type: 'HopstashWarning',
    code: 'HOPSTASH_REDIS_CLIENT',
  })
  warned.mockRestore()
})
