import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { quartiles, verdict } from './harness.mjs'

/** Heap and buffers per entry beyond a Map with the same objects under the same keys; a process for each figure. */
export async function bench({ rounds }) {
  const bytes = new Map(CASES.map(({ name }) => [name, []]))
  for (let round = 0; round < Math.round(rounds / ROUNDS_A_WEIGHING); round++) {
    const base = await weigh('map')
    const weighed = new Map()
    for (const what of new Set(CASES.map((one) => one.what))) weighed.set(what, await weigh(what))
    for (const { name, what, at } of CASES) bytes.get(name).push(weighed.get(what)[at] - base.before)
  }
  const rows = CASES.map(({ name, kind }) => ({ name, kind, bytes: quartiles(bytes.get(name)) }))
  return [
    {
      title: 'heap per entry over a Map of the same objects (50,000 of about 1 KB)',
      operation: 'bytes per entry',
      rows,
      goals: CASES.filter(({ atMost }) => atMost !== undefined).map(({ name, atMost }) =>
        verdict({ of: name, atMost, unit: ' B' }, rows.find((row) => row.name === name).bytes.middle),
      ),
    },
  ]
}

// Bytes hardly differ from one process to the next.
const ROUNDS_A_WEIGHING = 5

const CASES = [
  { name: 'Map (A/A)', kind: 'twin', what: 'map', at: 'before' },
  { name: 'hopstash, ttl, before the first hit', kind: 'ours', what: 'ttl', at: 'before', atMost: 100 },
  { name: 'hopstash, ttl, after a hit', kind: 'ours', what: 'ttl', at: 'after', atMost: 180 },
  { name: 'hopstash, all lifetimes + tag, before', kind: 'ours', what: 'lifetimes', at: 'before' },
  { name: 'hopstash, all lifetimes + tag, after a hit', kind: 'ours', what: 'lifetimes', at: 'after', atMost: 250 },
  { name: 'lru-cache', kind: 'peer', what: 'lru', at: 'before' },
  { name: 'lru-cache, ttl + size', kind: 'peer', what: 'lru-ttl', at: 'before' },
  { name: 'async-cache-dedupe', kind: 'peer', what: 'async-cache-dedupe', at: 'after' },
  { name: 'cache-manager', kind: 'peer', what: 'cache-manager', at: 'after' },
  { name: 'cachified', kind: 'peer', what: 'cachified', at: 'after' },
  { name: 'cacheable', kind: 'peer', what: 'cacheable', at: 'after' },
  { name: 'bentocache', kind: 'peer', what: 'bentocache', at: 'after' },
]

function weigh(what) {
  return new Promise((resolve, reject) => {
    const child = fork(fileURLToPath(new URL('./heap-child.mjs', import.meta.url)), [what], {
      execArgv: ['--expose-gc'],
    })
    let answer
    child.on('message', (message) => {
      answer = message
    })
    child.on('error', reject)
    child.on('exit', (code) => (code === 0 ? resolve(answer) : reject(new Error(`${what} ended with ${code}`))))
  })
}
