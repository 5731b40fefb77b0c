import { createStash, namespace } from '../../src/index.js'

// What a short-lived process does: it makes a stash and writes at once, before the client's code is loaded or connected.
const [url = '', storeTimeout = '250'] = process.argv.slice(2)
const stash = createStash({
  store: url as `redis://${string}`,
  prefix: 'script',
  storeTimeout: Number(storeTimeout),
  namespaces: { things: namespace<number, string>({ ttl: '1h' }) },
})
const [set, loaded] = await Promise.all([stash.things.set('set', 1), stash.things.getOrSet('loaded', async () => 2)])
process.stdout.write(`${JSON.stringify({ set, loaded, status: stash.health().status })}\n`)
// What was loaded is written behind its caller's back.
process.once('message', () => void stash.close())
