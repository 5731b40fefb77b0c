import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { importHopstash } from './build.mjs'
import { quartiles, verdict } from './harness.mjs'
import { clientOf, startServer } from './redis-server.mjs'

const ROUNDS = 2000
const WARM_UP = 200
const CHANNEL = 'bench'
const GOALS = { p50: 2000, p99: 10_000 }

/** How long after the call another process no longer has the value, beside a bare message to it. */
export async function bench() {
  const server = await startServer()
  const other = fork(fileURLToPath(new URL('./invalidation-child.mjs', import.meta.url)), [server.url, CHANNEL])
  try {
    await once(other, 'message')
    const { createStash, namespace } = await importHopstash()
    const tags = (_value, key) => [key]
    const stash = createStash({ store: server.url, namespaces: { things: namespace({ ttl: '1h', tags }) } })
    const client = await clientOf(server.url)
    await stash.ready()
    const verbs = {
      message: (key) => client.publish(CHANNEL, key),
      delete: (key) => stash.things.delete(key),
      invalidateTags: (key) => stash.things.invalidateTags([key]),
    }
    const nanos = Object.fromEntries(Object.keys(verbs).map((verb) => [verb, []]))
    for (let round = -WARM_UP; round < ROUNDS; round++) {
      for (const [verb, act] of Object.entries(verbs)) {
        const key = `${verb} ${round}`
        if (verb !== 'message') await stash.things.set(key, { round })
        const took = await seenElsewhere(other, verb, key, act)
        if (round >= 0) nanos[verb].push(took)
      }
    }
    await stash.close()
    client.destroy()
    return [describe(nanos)]
  } finally {
    other.disconnect()
    await server.stop()
  }
}

async function seenElsewhere(other, verb, key, act) {
  const watching = once(other, 'message')
  other.send({ verb, key })
  await watching
  const seen = once(other, 'message')
  const begunAt = process.hrtime.bigint()
  await act(key)
  const [{ seenAt }] = await seen
  return Number(BigInt(seenAt) - begunAt)
}

function describe({ message, ...ours }) {
  const base = p(message, 0.5)
  const row = (name, kind, all, share) => {
    const value = p(all, share)
    const alone = { low: value, middle: value, high: value }
    return { name: `${name}, p${share * 100}`, kind, nanos: alone, speed: quartiles([base / value]) }
  }
  const both = (name, kind, all) => [row(name, kind, all, 0.5), row(name, kind, all, 0.99)]
  return {
    title: `gone in another process, ${ROUNDS} each, one at a time`,
    operation: 'from the call to the moment the other process has it no longer',
    base: 'PUBLISH, p50',
    rows: [
      ...both('PUBLISH', 'limit', message),
      ...Object.entries(ours).flatMap(([verb, all]) => both(verb, 'ours', all)),
    ],
    goals: Object.entries(ours).flatMap(([verb, all]) => [
      verdict({ of: `${verb}, p50`, atMost: GOALS.p50, unit: 'us' }, p(all, 0.5) / 1000),
      verdict({ of: `${verb}, p99`, atMost: GOALS.p99, unit: 'us' }, p(all, 0.99) / 1000),
    ]),
  }
}

function p(values, share) {
  return values.toSorted((a, b) => a - b)[Math.floor(share * (values.length - 1))]
}
