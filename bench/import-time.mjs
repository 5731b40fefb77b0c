import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { hopstashUrl } from './build.mjs'
import { quartiles, ratios, verdict } from './harness.mjs'

const SPAWNS = 20
const script = fileURLToPath(new URL('./import-child.mjs', import.meta.url))

/** How long a process lives that only imports, and how long the import itself takes in it. */
export async function bench() {
  const contenders = [
    { name: 'lru-cache', kind: 'limit', url: 'lru-cache' },
    { name: 'hopstash', kind: 'ours', url: hopstashUrl() },
    { name: 'hopstash (A/A)', kind: 'twin', url: hopstashUrl() },
    { name: 'hopstash/pipeline', kind: 'ours', url: hopstashUrl('pipeline') },
    ...['cache-manager', 'async-cache-dedupe', 'cacheable', 'bentocache', 'cockatiel', 'opossum'].map((name) => ({
      name,
      kind: 'peer',
      url: name,
    })),
  ].map((contender) => ({ ...contender, whole: [], inside: [] }))
  for (const { url } of contenders) importOnce(url)
  for (let round = 0; round < SPAWNS; round++) {
    for (let index = 0; index < contenders.length; index++) {
      const { url, whole, inside } = contenders[(index + round) % contenders.length]
      const took = importOnce(url)
      whole.push(took.wholeMs * 1e6)
      inside.push(took.insideMs * 1e6)
    }
  }
  const pick = (which) => contenders.map((contender) => ({ ...contender, nanos: contender[which] }))
  return [
    describe(`a process that imports and ends, ${SPAWNS} interleaved`, 'one process', pick('whole'), 1.5),
    describe('the same, inside the process', 'the first import in a process', pick('inside')),
  ]
}

function importOnce(url) {
  const begun = performance.now()
  const insideMs = Number(execFileSync(process.execPath, [script, url], { encoding: 'utf8' }))
  return { wholeMs: performance.now() - begun, insideMs }
}

function describe(title, operation, contenders, atMost) {
  const [limit, ours, twin] = contenders
  const ratio = quartiles(ratios(ours.nanos, limit.nanos)).middle
  return {
    title,
    operation,
    base: limit.name,
    rows: contenders.map(({ name, kind, nanos }) => ({
      name,
      kind,
      nanos: quartiles(nanos),
      speed: quartiles(ratios(limit.nanos, nanos)),
    })),
    noise: quartiles(ratios(ours.nanos, twin.nanos)),
    goals: atMost === undefined ? [] : [verdict({ of: ours.name, to: limit.name, atMost }, ratio)],
  }
}
