import { createClient } from '@keyv/redis'
import { importHopstash } from './build.mjs'

// Another process: it has a value in memory, and says when it has no longer.
const [url, channel] = process.argv.slice(2)
const { createStash, namespace } = await importHopstash()
const stash = createStash({
  store: url,
  namespaces: { things: namespace({ ttl: '1h', tags: (_value, key) => [key] }) },
})
let heard
const subscriber = createClient({ url })
await subscriber.connect()
await subscriber.subscribe(channel, (message) => {
  heard = message
})
await stash.ready()

const isOver = {
  message: (key) => heard === key,
  delete: (key) => stash.things.peek(key) === undefined,
  invalidateTags: (key) => stash.things.peek(key) === undefined,
}

process.on('message', async ({ verb, key }) => {
  if (verb !== 'message' && (await stash.things.get(key)) === undefined) throw new Error(`${key} is not in the store`)
  process.send('watching')
  const look = () => {
    if (!isOver[verb](key)) return setImmediate(look)
    process.send({ seenAt: String(process.hrtime.bigint()) })
  }
  look()
})
process.on('disconnect', () => process.exit())
process.send('ready')
