import DataLoader from 'dataloader'
import { importHopstash } from './build.mjs'
import { measure } from './harness.mjs'

/** Items asked for in one turn. */
const BURST = 100

const PEER = 'dataloader'
const FORGETFUL = 'dataloader, cleared by each batch'
const BLIND = 'dataloader, cache: false'

/** Calls collected into one: what collecting costs, with a load that answers at once. */
export async function bench(pace) {
  const batch = await importHopstash('batch')
  if (batch === undefined) return []
  const tables = []
  for (const shape of shapes(batch)) {
    await checkCompany(shape)
    tables.push(await measure(trial(shape), pace))
  }
  return tables
}

let loads = 0
let loaded = 0
const load = async (items) => {
  loads++
  loaded += items.length
  return items.map((item) => item + 1)
}

/** Whoever is compared does the same: one load a burst, of each item once, though the first one is asked for again. */
async function checkCompany({ create, peers, to }) {
  const peer = peers.find(({ name }) => name === to)
  const sides = [
    { name: 'hopstash batcher', call: create() },
    { name: to, call: peer.callOf(peer.create()) },
  ]
  for (const { name, call } of sides) {
    loads = 0
    loaded = 0
    const items = [...Array(BURST).keys(), 0]
    const values = await Promise.all(items.map((item) => call(item)))
    if (loads === 1 && loaded === BURST && values.every((value, at) => value === items[at] + 1)) continue
    throw new Error(`${name}: ${loads} loads of ${loaded} items instead of one of ${BURST}`)
  }
}

function shapes({ batcher }) {
  return [
    {
      title: 'a new one for each burst, as for each request',
      peers: [{ name: PEER, create: () => new DataLoader(load), callOf: (loader) => (item) => loader.load(item) }],
      create: () => batcher({ load }),
      to: PEER,
    },
    {
      title: 'one for all bursts',
      peers: [
        // Equal items of one batch are loaded once and nothing is remembered after it, as in ours.
        { name: FORGETFUL, create: shared(forgetful), callOf: (loader) => (item) => loader.load(item) },
        // Equal items of one batch are loaded as often as they are asked for.
        {
          name: BLIND,
          create: shared(() => new DataLoader(load, { cache: false })),
          callOf: (loader) => (item) => loader.load(item),
        },
      ],
      create: () => batcher({ load }),
      share: true,
      to: FORGETFUL,
    },
  ]
}

function forgetful() {
  const loader = new DataLoader((items) => {
    loader.clearAll()
    return load(items)
  })
  return loader
}

function shared(create) {
  let made
  return () => {
    made ??= create()
    return made
  }
}

/** One operation: a burst of different items, all awaited. Compiled for each contender, as the loop around it is. */
function burst(name, create, callOf) {
  const body = `/* ${name} */
    let first = 0
    return async () => {
      const call = callOf(create())
      const answers = new Array(BURST)
      for (let n = 0; n < BURST; n++) answers[n] = call(first + n)
      first = (first + BURST) % 1_000_000
      const values = await Promise.all(answers)
      return values[BURST - 1] - values[0]
    }`
  return new Function('create', 'callOf', 'BURST', body)(create, callOf, BURST)
}

function trial({ title, peers, create, share = false, to }) {
  const own = (kind, name) => ({
    name,
    kind,
    call: burst(name, share ? shared(create) : create, (read) => read),
  })
  return {
    title: `batcher: ${title}`,
    operation: `a burst of ${BURST} different items, awaited`,
    contenders: [
      ...peers.map(({ name, create, callOf }) => ({ name, kind: 'peer', call: burst(name, create, callOf) })),
      own('ours', 'hopstash batcher'),
      own('twin', 'hopstash (A/A)'),
    ],
    inputs: [undefined],
    check: (_, answer) => {
      if (answer !== BURST - 1) throw new Error('the rows are not those of the items')
    },
    goals: [{ of: 'hopstash batcher', to, atLeast: 0.9 }],
  }
}
