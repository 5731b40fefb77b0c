// A job board with and without a stash: the same morning of one applicant, timed and counted.
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createCachedApp } from './cached-app.js'
import { createPlainApp } from './plain-app.js'
import { createBoardStash } from './stash.js'
import { createUpstreams, MODEL_MS_PER_SECOND, type Upstreams } from './upstreams.js'
import { checkRules, type Step, spendMorning } from './workload.js'

const TOKEN = 'only-for-this-example'

console.log(
  `Databases take 75 to 500 ms here as there. Models are scaled: a second of theirs takes ${MODEL_MS_PER_SECOND} ms.\n`,
)
for (const jobs of [100, 1_200]) {
  const plainUpstreams = createUpstreams(jobs)
  const plain = await listen(createPlainApp(plainUpstreams))
  const before = await spendMorning(plain.origin)
  plain.close()

  const stash = createBoardStash()
  const upstreams = createUpstreams(jobs)
  const cached = await listen(createCachedApp(upstreams, stash, TOKEN))
  const after = await spendMorning(cached.origin)
  printTable(jobs, before, after)
  printCalls(plainUpstreams, upstreams)
  await checkRules(cached.origin)
  const stats = await fetch(`${cached.origin}/api/cache/stats`, { headers: { authorization: `Bearer ${TOKEN}` } })
  const { totals } = (await stats.json()) as { totals: { hit_rate: string } }
  console.log(`A new master and an ingestion run were seen by the next request. Hit rate ${totals.hit_rate}.\n`)
  cached.close()
  await stash.close()
}

function printTable(jobs: number, before: readonly Step[], after: readonly Step[]): void {
  const sum = (times: readonly number[]) => times.reduce((total, ms) => total + ms, 0)
  const row = (name: string, was: number, is: number) =>
    `${name.padEnd(28)}${was.toFixed(0).padStart(9)} ms${is.toFixed(0).padStart(9)} ms${(100 - (100 * is) / was).toFixed(0).padStart(8)} %`
  console.log(`${jobs} jobs`.padEnd(28), '  before       after      less')
  for (const { name, times } of before) {
    const now = after.find((step) => step.name === name)?.times ?? []
    console.log(row(`${name} x ${times.length}`, sum(times), sum(now)))
  }
  console.log(row('all', sum(before.flatMap(({ times }) => times)), sum(after.flatMap(({ times }) => times))))
}

function printCalls(before: Upstreams, after: Upstreams): void {
  const names = [...new Set([...Object.keys(before.calls), ...Object.keys(after.calls)])]
  const counts = names.map((name) => `${name} ${before.calls[name] ?? 0} -> ${after.calls[name] ?? 0}`)
  console.log(`Calls: ${counts.join(', ')}`)
}

async function listen(app: RequestListener): Promise<{ origin: string; close(): void }> {
  const server = createServer(app)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const close = (): void => {
    server.closeAllConnections()
    server.close()
  }
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close }
}
