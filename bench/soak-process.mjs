import { importHopstash } from './build.mjs'

// One of the processes of the soak. It changes its own keys, reads everybody's, and reports what it saw in store time.
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
/** The newest version of each of its own keys, and those below which nothing may be seen any more, with the instant of that. */
const versions = new Array(KEYS).fill(0)
let isOver = false
process.on('message', (message) => {
  if (message === 'stop') isOver = true
})
process.on('unhandledRejection', (error) => process.send({ kind: 'crash', error: String(error) }))

while (!isOver) {
  const key = pick(KEYS)
  const act = random()
  if (act < 0.25) await change(key, random())
  else await look(pick(Number(count)), pick(KEYS))
  // In an outage everything is answered at once, and timers would starve.
  await new Promise((resolve) => (random() < 0.2 ? setTimeout(resolve, 2) : setImmediate(resolve)))
}
await settle()
const closing = performance.now()
await stash.close()
process.send({ kind: 'closed', ms: performance.now() - closing })
process.disconnect()

/** Makes the old version invalid: by a set, a delete or its tag. What was acknowledged may nowhere be seen again. */
async function change(key, how) {
  const version = ++versions[key]
  const name = `${me}/${key}`
  const result =
    how < 0.4
      ? await stash.things.set(name, { by: Number(me), version })
      : how < 0.8
        ? await stash.things.delete(name)
        : await stash.invalidateTags([`of:${me}`])
  // A load of this process may bring the present version only.
  if (how < 0.8) process.send({ kind: 'changed', key: name, version, store: result.store, at: now() })
  else
    for (let each = 0; each < KEYS; each++)
      process.send({ kind: 'changed', key: `${me}/${each}`, version: versions[each], store: result.store, at: now() })
}

async function look(owner, key) {
  const name = `${owner}/${key}`
  const from = now()
  const own = Number(me) === owner
  const value = own
    ? await stash.things.getOrSet(name, () => ({ by: owner, version: versions[key] }))
    : await stash.things.get(name)
  if (value !== undefined) process.send({ kind: 'seen', key: name, version: value.version, from, at: now() })
}

/** Once everything is well again: what does everybody hold in the end. */
async function settle() {
  const until = performance.now() + 15_000
  while (stash.health().status !== 'ok' || stash.health().store.deaf) {
    if (performance.now() > until) return process.send({ kind: 'stuck', health: stash.health().store })
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  await new Promise((resolve) => setTimeout(resolve, 2500))
  for (let owner = 0; owner < Number(count); owner++) for (let key = 0; key < KEYS; key++) await lookAtLast(owner, key)
}

async function lookAtLast(owner, key) {
  const value = await stash.things.get(`${owner}/${key}`)
  process.send({ kind: 'last', key: `${owner}/${key}`, version: value?.version })
}

function now() {
  return performance.timeOrigin + performance.now()
}
