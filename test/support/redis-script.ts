import { createRedisStore } from '../../src/stores/redis.js'

// A script as a user would write one: it says what it found and simply ends, without closing anything.
const [url = '', mode, waitMs = '20000'] = process.argv.slice(2)
const store = createRedisStore({ redis: url, timeout: 10_000 })
store.subscribe({ frame: () => {}, lost: () => {}, confirmed: () => {} })

if (mode === 'awaits') {
  const there = await store.ready(Number(waitMs))
  const found = await store.ping().then(
    (stamp) => stamp.inc.length > 16,
    (error: Error) => error.message,
  )
  process.stdout.write(`${there} ${found}\n`)
} else if (mode === 'works') {
  await store.ready(Number(waitMs))
  // Longer than every timer of the store, with nothing else to do: they must not be what ends or keeps the process.
  await new Promise((resolve) => setTimeout(resolve, 2500))
  process.stdout.write(`${store.health().status}\n`)
} else process.stdout.write('idle\n')
