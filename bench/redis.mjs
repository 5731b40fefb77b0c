import { deepStrictEqual } from 'node:assert'
import { importHopstash } from './build.mjs'
import { measure, same } from './harness.mjs'
import { pool, record, textOf } from './inputs.mjs'
import { IN_MEMORY, rawPeer, redisPeers, TWO_TIERS } from './redis-peers.mjs'
import { clientOf, startServer } from './redis-server.mjs'

const CROWD = 64
const SMALL = 2000
const LARGE = 200
const BINARY = 16
const MANY = 100
const WARM_UP_MS = 500
const LIMIT = '@redis/client'
const OURS = 'hopstash'

/** A shared store behind a memory that holds next to nothing, beside the bare client and the libraries over it. */
export async function bench(pace) {
  const server = await startServer()
  try {
    return [...(await objects(server.url, pace)), ...(await bytes(server.url, pace))]
  } finally {
    await server.stop()
  }
}

async function objects(url, pace) {
  const tables = []
  const small = await worldOf(url, 's', pool(SMALL, record))
  tables.push(await measured(hits('store hit of 1 KB, one at a time', small, 1, { atMost: 1.1 }), pace))
  tables.push(
    await measured(hits(`store hit of 1 KB, ${CROWD} in flight`, small, CROWD, { atLeast: 0.95, tiers: 2 }), pace),
  )
  tables.push(await measured(many(`getMany of ${MANY}, 1 KB each`, small), pace))
  await small.close()
  const large = await worldOf(url, 'l', pool(LARGE, answer))
  tables.push(await measured(hits(`store hit of 20 KB, ${CROWD} in flight`, large, CROWD, { atLeast: 1 }), pace))
  tables.push(await measured(sets(`set of 20 KB, ${CROWD} in flight`, large), pace))
  await large.close()
  return tables
}

/** Every contender with all values stored, under keys of its own. */
async function worldOf(url, name, values) {
  const keys = values.map((_, index) => `${name}${index}`)
  const stored = new Map(keys.map((key, index) => [key, values[index]]))
  const client = await clientOf(url)
  const ours = await stashOf(url, name)
  const twin = await stashOf(url, `${name}-twin`)
  const contenders = {
    [LIMIT]: rawPeer(client),
    [OURS]: ours,
    [`${OURS} (A/A)`]: twin,
    ...(await redisPeers(url)),
  }
  for (const { set } of Object.values(contenders)) {
    for (let at = 0; at < keys.length; at += CROWD) {
      await Promise.all(keys.slice(at, at + CROWD).map((key) => set(key, stored.get(key))))
    }
  }
  return { keys, stored, contenders, close: () => Promise.all([ours.close(), twin.close()]) }
}

async function stashOf(url, prefix) {
  const { createStash, namespace } = await importHopstash()
  const things = namespace({ ttl: '1h', max: IN_MEMORY, jitter: 0 })
  const stash = createStash({ store: url, prefix, namespaces: { things } })
  await stash.ready()
  return {
    get: (key) => stash.things.getOrSet(key, missed),
    set: (key, value) => stash.things.set(key, value),
    getMany: (keys) => stash.things.getMany(keys),
    close: () => stash.close(),
  }
}

function hits(title, { keys, stored, contenders }, width, { atMost, atLeast, tiers }) {
  return {
    title,
    operation: 'one read that hits the server',
    inputs: keys,
    contenders: Object.entries(contenders).map(([name, { get }]) => crowd(name, get, keys, width)),
    check: same((key) => stored.get(key)),
    goals: [
      { of: OURS, to: LIMIT, ...(atMost ? { atMost } : { atLeast }) },
      ...(tiers ? [{ of: OURS, to: TWO_TIERS, atLeast: tiers }] : []),
    ],
  }
}

function many(title, { keys, stored, contenders }) {
  const groups = pool(keys.length / MANY, (seed) => keys.slice((seed - 1) * MANY, seed * MANY))
  const able = Object.entries(contenders).filter(([, { getMany }]) => getMany !== undefined)
  return {
    title,
    operation: `one call for ${MANY} keys`,
    inputs: groups,
    contenders: able.map(([name, { getMany }]) => crowd(name, getMany, groups, 1)),
    check: same((group) => group.map((key) => stored.get(key))),
    goals: [{ of: OURS, to: LIMIT, atLeast: 0.9 }],
  }
}

function sets(title, { keys, stored, contenders }) {
  return {
    title,
    operation: 'one write to the server',
    contenders: Object.entries(contenders).map(([name, { set }]) =>
      crowd(name, (key) => set(key, stored.get(key)), keys, CROWD),
    ),
    goals: [{ of: OURS, to: LIMIT, atLeast: 2.5 }],
  }
}

async function bytes(url, pace) {
  const keys = pool(BINARY, (seed) => `b${seed}`)
  const stored = new Map(keys.map((key, index) => [key, Buffer.alloc(500_000, index + 1)]))
  const raw = rawPeer(await clientOf(url))
  const [ours, twin] = [await stashOf(url, 'bytes'), await stashOf(url, 'bytes-twin')]
  const limit = { get: raw.getBytes, set: raw.setBytes }
  const contenders = { [LIMIT]: limit, [OURS]: ours, [`${OURS} (A/A)`]: twin, ...(await redisPeers(url)) }
  for (const { set } of Object.values(contenders)) for (const key of keys) await set(key, stored.get(key))
  const lanes = (verb, width) =>
    Object.entries(contenders).map(([name, peer]) =>
      crowd(name, verb === 'get' ? peer.get : (key) => peer.set(key, stored.get(key)), keys, width),
    )
  const isBytes = (key, value, { name }) => {
    // Most peers give back something else than they were given; they are timed all the same.
    if (name === LIMIT || name.startsWith(OURS)) deepStrictEqual(Buffer.from(value), stored.get(key))
    if (name.startsWith(OURS)) deepStrictEqual(Buffer.isBuffer(value), true)
  }
  const peers = Object.keys(contenders).filter((name) => name !== LIMIT && !name.startsWith(OURS))
  const tables = [
    await measured(
      {
        title: 'store hit of a Buffer of 500 KB, one at a time',
        operation: 'one read that hits the server',
        inputs: keys,
        contenders: lanes('get', 1),
        check: isBytes,
        goals: [{ of: OURS, to: LIMIT, atMost: 1.1 }],
      },
      pace,
    ),
    await measured(
      {
        title: 'set of a Buffer of 500 KB, 8 in flight',
        operation: 'one write to the server',
        contenders: lanes('set', 8),
        goals: [
          { of: OURS, to: LIMIT, atLeast: 0.6 },
          { of: OURS, to: peers, atLeast: 10 },
        ],
      },
      pace,
    ),
  ]
  await Promise.all([ours.close(), twin.close()])
  return tables
}

/** As `measure`, after each contender has run long enough to be compiled: of a service that has been up for a while. */
async function measured(trial, pace) {
  for (const { run } of trial.contenders) {
    const until = performance.now() + WARM_UP_MS
    while (performance.now() < until) await run(CROWD)
  }
  return measure(trial, pace)
}

/** A contender whose operations run `width` at a time. */
function crowd(name, call, inputs, width) {
  const kind = name === LIMIT ? 'limit' : name === OURS ? 'ours' : name.startsWith(OURS) ? 'twin' : 'peer'
  // Goes on from sample to sample: who began anew would find in memory what the last one ended with.
  let next = 0
  const run = async (count) => {
    let left = count
    const worker = async () => {
      while (left-- > 0) await call(inputs[next++ % inputs.length])
    }
    await Promise.all(Array.from({ length: Math.min(width, count) }, worker))
  }
  return { name, kind, call, run }
}

/** About 20 KB: what a model answers about a resume. */
function answer(seed) {
  return {
    ...record(seed),
    sections: Array.from({ length: 12 }, (_, index) => ({
      heading: textOf(40, seed + index),
      score: index / 3,
      text: textOf(1400, seed + 31 * index),
      quotes: [textOf(60, index), textOf(60, seed + index)],
    })),
  }
}

function missed() {
  throw new Error('this should have been a hit')
}
