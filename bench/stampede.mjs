import { strictEqual } from 'node:assert'
import { LRUCache } from 'lru-cache'
import pMemoize from 'p-memoize'
import { importHopstash } from './build.mjs'
import { measure } from './harness.mjs'
import { tieredPeers } from './tiered-peers.mjs'

const CALLERS = 10_000
const MAX = 100

/** Many callers of one cold key, released together: the time they cost beside the load. */
export async function bench(pace) {
  const contenders = [
    contender('Map of promises', 'limit', mapOfPromises),
    // What a call costs that makes a closure, and one that is answered by a promise of its own: to be copied for.
    contender(
      'Map of promises, a closure a call',
      'limit',
      mapOfPromisesForLoaders((flight) => flight),
    ),
    contender(
      'the same, a promise a caller',
      'limit',
      mapOfPromisesForLoaders((flight) => flight.then(itself)),
    ),
    contender('hopstash getOrSet', 'ours', await stash(byItself)),
    contender('hopstash (A/A)', 'twin', await stash(byItself)),
    contender('hopstash getOrSet, a closure a call', 'ours', await stash(byClosure)),
    contender("hopstash getOrSet, isolation 'share'", 'ours', await stash(byItself, { isolation: 'share' })),
    contender('hopstash createDeduper', 'ours', await deduper(byItself)),
    contender('hopstash createDeduper, a closure a call', 'ours', await deduper(byClosure)),
    contender('lru-cache.fetch', 'peer', (load) => {
      const cache = new LRUCache({ max: MAX, fetchMethod: load })
      return (key) => cache.fetch(key)
    }),
    contender('p-memoize', 'peer', (load) => pMemoize(load, { cache: new LRUCache({ max: MAX }) })),
    ...Object.entries(tieredPeers).map(([name, create]) => contender(name, 'peer', (load) => create(load, MAX))),
  ]
  for (const { run } of contenders) await run(1)
  const goals = ['hopstash getOrSet', 'hopstash createDeduper'].flatMap((of) => [
    { of, to: 'Map of promises', atMost: 2 },
    { of: `${of}, a closure a call`, to: 'Map of promises, a closure a call', atMost: 2 },
  ])
  const title = '10,000 callers on one cold key, gated load'
  return [await measure({ title, operation: 'one stampede of 10,000 callers', contenders, goals }, pace)]
}

function contender(name, kind, create) {
  let loads = 0
  let gate = Promise.resolve('nothing')
  const call = create(async () => {
    loads++
    return gate
  })
  let stampedes = 0
  const run = async (count) => {
    for (let done = 0; done < count; done++) {
      const key = `cold:${++stampedes}`
      let open
      gate = new Promise((resolve) => {
        open = resolve
      })
      const callers = new Array(CALLERS)
      for (let index = 0; index < CALLERS; index++) callers[index] = call(key)
      // A library that looks into its store first begins its load later; it must not find the gate open.
      while (loads < stampedes) await new Promise(setImmediate)
      open(key)
      const answers = await Promise.all(callers)
      strictEqual(loads, stampedes, `${name}: one load a stampede`)
      strictEqual(answers[0], key)
      strictEqual(answers[CALLERS - 1], key)
    }
  }
  return { name, kind, run }
}

function mapOfPromises(load) {
  const flights = new Map()
  return (key) => {
    const running = flights.get(key)
    if (running !== undefined) return running
    const flight = load(key).finally(() => flights.delete(key))
    flights.set(key, flight)
    return flight
  }
}

function mapOfPromisesForLoaders(handOut) {
  const flights = new Map()
  const getOrSet = (key, loader) => {
    const running = flights.get(key)
    if (running !== undefined) return handOut(running)
    const flight = loader().finally(() => flights.delete(key))
    flights.set(key, flight)
    return flight
  }
  return (load) => (key) => getOrSet(key, () => load(key))
}

function itself(value) {
  return value
}

async function stash(by, options = {}) {
  const { createStash, namespace } = await importHopstash()
  const { space } = createStash({ namespaces: { space: namespace({ ttl: '1h', max: MAX, ...options }) } })
  return by(space.getOrSet)
}

async function deduper(by) {
  const { createDeduper } = await importHopstash()
  return by(createDeduper())
}

/** Every call brings the load itself, as each of the bare Map has it. */
function byItself(read) {
  return (load) => (key) => read(key, load)
}

function byClosure(read) {
  return (load) => (key) => read(key, () => load(key))
}
