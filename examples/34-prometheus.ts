// What Prometheus sees: the admin handler's /metrics, scraped as it would be, and read as its alerts would.
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { createStash } from 'hopstash'
import { adminHandler, nodeHandler } from 'hopstash/admin'

const TOKEN = 'only-for-this-example'
const stash = createStash()
const server = createServer(nodeHandler(adminHandler(stash, { token: TOKEN })))
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
const { port } = server.address() as AddressInfo

console.log(`In prometheus.yml:

  - job_name: hopstash
    metrics_path: /metrics
    authorization: { credentials_file: /run/secrets/cache-token }
    static_configs: [{ targets: ['127.0.0.1:${port}'] }]
`)

// A model that takes its time, and nine in ten questions that were asked before.
for (let n = 0; n < 40; n++)
  await stash.aiResponse.getOrSet({ prompt: `question ${n % 4}` }, async ({ usage }) => {
    usage.add({ tokens: 500, money: 0.01 })
    await sleep(20)
    return 'an answer'
  })
await stash.aiResponse.getOrSet({ prompt: 'broken' }, () => Promise.reject(new Error('down'))).catch(() => undefined)

const response = await fetch(`http://127.0.0.1:${port}/metrics`, { headers: { authorization: `Bearer ${TOKEN}` } })
assert.match(response.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/)
const lines = (await response.text()).split('\n')
const ofModel = lines.filter((line) => line.includes('aiResponse') && !line.includes('_bucket') && !line.endsWith(' 0'))
console.log(ofModel.join('\n'))

const read = (name: string, label: string): number => {
  const line = ofModel.find((one) => one.startsWith(`${name}{`) && one.includes(label))
  return Number(line?.split(' ').at(-1) ?? 0)
}
const hits = read('hopstash_cache_requests_total', 'outcome="hit"')
assert.equal(hits, 36)
console.log(`\nThe hit rate as a query:
  sum(rate(hopstash_cache_requests_total{outcome="hit"}[5m])) / sum(rate(hopstash_cache_requests_total[5m]))`)
server.close()
server.closeAllConnections()
await stash.close()
