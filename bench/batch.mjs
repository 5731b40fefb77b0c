import DataLoader from 'dataloader'
import { importHopstash } from './build.mjs'
import { measure } from './harness.mjs'

/** Items asked for in one turn. */
const BURST = 100

/** Calls collected into one: what collecting costs, with a load that answers at once. */
export async function bench(pace) {
  const batch = await importHopstash('batch')
  if (batch === undefined) return []
  const tables = []
  for (const shape of shapes(batch)) tables.push(await measure(trial(shape), pace))
  return tables
}

const load = async (items) => items.map((item) => item + 1)

function shapes({ batcher }) {
  return [
    {
      title: 'a new batcher for each burst, as for each request',
      // A loader of its own for each request is how dataloader is meant to be used.
      peer: () =>
        burst(
          (loader) => (item) => loader.load(item),
          () => new DataLoader(load),
        ),
      ours: () =>
        burst(
          (read) => read,
          () => batcher({ load }),
        ),
    },
    {
      title: 'one batcher for all, nothing remembered',
      peer: () => {
        const loader = new DataLoader(load, { cache: false })
        return burst(
          () => (item) => loader.load(item),
          () => loader,
        )
      },
      ours: () => {
        const read = batcher({ load })
        return burst(
          () => read,
          () => read,
        )
      },
    },
  ]
}

/** One operation: a burst of different items, all awaited. */
function burst(callOf, create) {
  let first = 0
  return async () => {
    const call = callOf(create())
    const answers = new Array(BURST)
    for (let n = 0; n < BURST; n++) answers[n] = call(first + n)
    first = (first + BURST) % 1_000_000
    const values = await Promise.all(answers)
    return values[BURST - 1] - values[0]
  }
}

function trial({ title, peer, ours }) {
  return {
    title: `batcher: ${title}`,
    operation: `a burst of ${BURST} different items, awaited`,
    contenders: [
      { name: 'dataloader', kind: 'peer', call: peer() },
      { name: 'hopstash batcher', kind: 'ours', call: ours() },
      { name: 'hopstash (A/A)', kind: 'twin', call: ours() },
    ],
    inputs: [undefined],
    check: (_, answer) => {
      if (answer !== BURST - 1) throw new Error('the rows are not those of the items')
    },
    goals: [{ of: 'hopstash batcher', to: 'dataloader', atLeast: 0.9 }],
  }
}
