import { importHopstash } from './build.mjs'

// One of the processes of the soak. It changes its own keys, reads everybody's, and reports what it saw and when.
const [url, me, count, seed] = process.argv.slice(2)
const { createStash, namespace } = await importHopstash()
const things = namespace({ ttl: '1h', jitter: 0, tags: (value) => [`of:${value.by}`] })
const stash = createStash({ store: url, namespaces: { things } })
const KEYS = 40
let state = Number(seed) + Number(me) * 7919
const random = () => {
  state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
  return state / 2_147_483_648
}
const pick = (n) => Math.floor(random() * n)
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const now = () => performance.timeOrigin + performance.now()
/** The newest version of each of its own keys. */
const versions = new Array(KEYS).fill(0)
/** Whatever had arrived here by then has been read since. */
let turnAt = now()
let isToStop = false

process.on('message', async (order) => {
  await orders[order]()
  process.send({ kind: 'obeyed', order })
  if (order === 'close') process.disconnect()
})
process.on('disconnect', () => process.exit())
process.on('unhandledRejection', (error) => process.send({ kind: 'crash', error: String(error?.stack ?? error) }))

const work = (async () => {
  while (!isToStop) {
    if (random() < 0.25) await change(pick(KEYS), random())
    else await look(pick(Number(count)), pick(KEYS))
    const before = now()
    // In an outage everything is answered at once, and timers would starve.
    await (random() < 0.3 ? pause(2) : new Promise((resolve) => setImmediate(resolve)))
    turnAt = before
  }
})()

const orders = {
  async stop() {
    isToStop = true
    await work
  },
  async well() {
    for (;;) {
      const { status, store } = stash.health()
      if (status === 'ok' && !store.deaf && store.pending === 0) return
      await pause(20)
    }
  },
  async look() {
    for (let owner = 0; owner < Number(count); owner++)
      for (let key = 0; key < KEYS; key++) {
        const value = await stash.things.get(`${owner}/${key}`)
        process.send({ kind: 'last', key: `${owner}/${key}`, version: value?.version })
      }
  },
  async close() {
    const closing = performance.now()
    await stash.close()
    process.send({ kind: 'closed', ms: performance.now() - closing })
  },
}

/**
 * Makes the old version invalid: by a set, a delete, an expiry or its tag. What was acknowledged may nowhere be seen again:
 * the namespace has no stale windows.
 */
async function change(key, how) {
  const version = ++versions[key]
  const name = `${me}/${key}`
  const result =
    how < 0.35
      ? await stash.things.set(name, { by: Number(me), version })
      : how < 0.65
        ? await stash.things.delete(name)
        : how < 0.8
          ? await stash.things.expire(name)
          : await stash.invalidateTags([`of:${me}`], { mode: how < 0.9 ? 'delete' : 'expire' })
  // A load of this process may bring the present version only.
  if (how < 0.8) process.send({ kind: 'changed', key: name, version, store: result.store, at: now() })
  else
    for (let each = 0; each < KEYS; each++)
      process.send({ kind: 'changed', key: `${me}/${each}`, version: versions[each], store: result.store, at: now() })
}

async function look(owner, key) {
  const name = `${owner}/${key}`
  const from = turnAt
  const own = Number(me) === owner
  const load = () => ({ by: owner, version: versions[key] })
  const how = random()
  const value = own
    ? await stash.things.getOrSet(name, load, { forceFresh: how < 0.1 })
    : how < 0.2
      ? await stash.things.getOrSet(name, load, { onlyIfCached: true }).catch(unlessNotCached)
      : await stash.things.get(name)
  if (value !== undefined) process.send({ kind: 'seen', key: name, version: value.version, from })
}

function unlessNotCached(error) {
  if (error.code !== 'ERR_NOT_CACHED') throw error
}
