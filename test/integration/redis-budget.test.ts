import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type RedisServer, startRedis } from '../support/redis-server.js'
import { eventually, startProcess, untilConnected } from './redis-world.js'

const SCRIPT = fileURLToPath(new URL('../support/stash-script.ts', import.meta.url))

let server: RedisServer

beforeAll(async () => {
  server = await startRedis()
})

afterAll(() => server.stop())

describe('the budget of one command', () => {
  it.each([
    [3000, 'connected'],
    [10_000, 'connected'],
    [3000, 'being started'],
    // Again where the machine itself stood still for seconds: then a write is dropped, as it should be.
  ] as const)('is not used up by %i loads at once in a process that is %s', { retry: 2 }, async (count, how) => {
    await server.command('FLUSHALL')
    const p = await startProcess(server.url)
    if (how === 'connected') await untilConnected(p)
    const load = (index: number) => p.things.getOrSet(`k${index}`, async () => ({ v: index }))
    const values = await Promise.all(Array.from({ length: count }, (_, index) => load(index)))
    expect(values.every(({ v }, index) => v === index)).toBe(true)
    await eventually(async () => (await server.command('EXISTS', `{hopstash:things:v1:k${count - 1}}:e`)) === 1, 15_000)
    expect(p.store.health()).toMatchObject({ breaker: 'closed', commands: { failed: 0, timedOut: 0, withheld: 0 } })
    expect(p.tier.link.away).toBe(false)
    await p.stash.close()
  })

  it('does not begin before the client is there: what a new process writes at once is written', {
    retry: 2,
  }, async () => {
    expect(await run(server.url)).toEqual({
      set: { memory: 'done', store: 'done' },
      loaded: 2,
      status: 'ok',
    })
    expect(await server.command('EXISTS', '{script:things:v1:set}:e', '{script:things:v1:loaded}:e')).toBe(2)
  })
})

function run(url: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--import', 'tsx', SCRIPT, url], { stdio: ['ignore', 'pipe', 'inherit'] })
    let text = ''
    child.stdout.setEncoding('utf8').on('data', (part: string) => {
      text += part
    })
    child.on('error', reject)
    child.on('exit', () => {
      try {
        resolve(JSON.parse(text))
      } catch {
        reject(new Error(`the script said: ${text}`))
      }
    })
  })
}
