import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { hopstashUrl } from './build.mjs'
import { quartiles, ratios, verdict } from './harness.mjs'

const SPAWNS = 20
const script = fileURLToPath(new URL('./import-child.mjs', import.meta.url))

/** How long the first import in a new process takes. */
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
  ].map((contender) => ({ ...contender, nanos: [] }))
  for (const { url } of contenders) importOnce(url)
  for (let round = 0; round < SPAWNS; round++) {
    for (let index = 0; index < contenders.length; index++) {
      const { url, nanos } = contenders[(index + round) % contenders.length]
      nanos.push(importOnce(url) * 1e6)
    }
  }
  return [describe(contenders)]
}

function importOnce(url) {
  return Number(execFileSync(process.execPath, [script, url], { encoding: 'utf8' }))
}

function describe(contenders) {
  const [limit, ours, twin] = contenders
  return {
    title: `import time, ${SPAWNS} interleaved processes`,
    operation: 'the first import in a process',
    base: limit.name,
    rows: contenders.map(({ name, kind, nanos }) => ({
      name,
      kind,
      nanos: quartiles(nanos),
      speed: quartiles(ratios(limit.nanos, nanos)),
    })),
    noise: quartiles(ratios(ours.nanos, twin.nanos)),
    goals: [verdict({ of: ours.name, to: limit.name, atMost: 1.5 }, quartiles(ratios(ours.nanos, limit.nanos)).middle)],
  }
}
