// Two instances of a back end with one Redis: what one has loaded the other finds, what one invalidates the other drops.
import assert from 'node:assert/strict'
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { createStash } from 'hopstash'
import { cachedRoute } from 'hopstash/routes'

if (process.argv[2] === 'instance') await runInstance(process.argv[3] ?? '')
else await main()

/** One process of the back end. */
async function runInstance(redisUrl: string): Promise<void> {
  // A machine that is busy with other things is no store that is away: the budget of a round trip is 250 ms otherwise.
  const stash = createStash({ store: redisUrl as `redis://${string}`, storeTimeout: '10s' })
  await stash.ready()
  let calls = 0
  const feed = cachedRoute({ in: stash.jobFeed, ttl: '5m', tags: ['feed'], key: () => 'feed' })
  const server = createServer((request, response) => {
    if (request.method === 'POST') void stash.invalidateTags(['feed']).then(() => response.end('invalidated'))
    else feed(request, response, () => response.end(`made by ${process.pid}, call ${++calls}`))
  })
  server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port))
  process.once('disconnect', async () => {
    server.close()
    server.closeAllConnections()
    await stash.close()
  })
}

async function main(): Promise<void> {
  // Yours runs already. The tests' helper finds a server on the PATH and starts it on a free port.
  const { startRedis } = await import('../test/support/redis-server.js')
  const redis = await startRedis()
  const [one, two] = await Promise.all([startInstance(redis.url), startInstance(redis.url)])

  // What one has made the other finds in Redis, and then in its own memory.
  const first = await agreed(one, two)
  console.log('both answer:', first)

  // What the other has in its memory is void as soon as the message is there.
  await one.ask('POST')
  const second = await agreed(two, one, first)
  console.log('and after one has invalidated, both answer:', second)
  assert.notEqual(second, first)

  for (const { child } of [one, two]) {
    const over = once(child, 'exit')
    child.disconnect()
    await over
  }
  await redis.stop()
}

interface Instance {
  readonly child: ChildProcess
  ask(method?: string): Promise<string>
}

/** Asks both until they say the same, and no longer what was said before. */
async function agreed(a: Instance, b: Instance, before?: string): Promise<string> {
  for (;;) {
    const answer = await a.ask()
    if ((await b.ask()) === answer && answer !== before) return answer
    await sleep(20)
  }
}

async function startInstance(redisUrl: string): Promise<Instance> {
  const child = fork(fileURLToPath(import.meta.url), ['instance', redisUrl])
  const [port] = await once(child, 'message')
  const ask = async (method = 'GET') => {
    const response = await fetch(`http://127.0.0.1:${port}`, { method })
    const text = await response.text()
    console.log(`${child.pid}  ${method.padEnd(4)}  ${response.headers.get('cache-status') ?? text}`)
    return text
  }
  return { child, ask }
}
