// Six fixes to one resume: one by one, at once without asking twice, with combined prompts, and again from the cache.
import assert from 'node:assert/strict'
import { type Measured, measureConnections, measureHits, measureWays } from './measure.js'

const latencyFactor = Number(process.env.LATENCY ?? 1)

const ways = await measureWays({ latencyFactor })
const [naive] = ways as [Measured, ...Measured[]]
console.log('Six fixes to one resume; the model, the module and the tables are stand-ins at a realistic pace\n')
print([
  ['', ...ways.map(({ name }) => name)],
  ['wall time', ...ways.map(({ ms }) => `${Math.round(ms)} ms${change(ms, naive.ms)}`)],
  ['calls of the model', ...ways.map(({ calls }) => `${calls}${change(calls, naive.calls)}`)],
  ['money', ...ways.map(({ usd }) => `$${usd.toFixed(5)}${change(usd, naive.usd)}`)],
  ['database queries', ...ways.map(({ queries }) => `${queries}${change(queries, naive.queries)}`)],
])

for (const { name, answers, resume, html, pdf } of ways) {
  assert.deepEqual(answers, naive.answers, `${name}: the same answer to every fix`)
  assert.deepEqual(resume, naive.resume)
  assert.equal(html, naive.html)
  assert.deepEqual(pdf, naive.pdf)
}
console.log('\nEvery way gave the same answer to every fix, the same resume, page and document.\n')

const hits = await measureHits()
print([
  ['', 'made', 'from its namespace'],
  ...hits.map(({ name, madeMs, hitMs }) => [
    name,
    `${madeMs.toFixed(3)} ms`,
    `${hitMs.toFixed(3)} ms${change(hitMs, madeMs)}`,
  ]),
])

const connections = await measureConnections()
const [each] = connections as [(typeof connections)[0], ...typeof connections]
console.log('\n300 calls of a module, 20 at once\n')
print([
  ['', ...connections.map(({ name }) => name)],
  ['sockets opened', ...connections.map(({ sockets }) => `${sockets}${change(sockets, each.sockets)}`)],
  ['p95', ...connections.map(({ p95Ms }) => `${p95Ms.toFixed(1)} ms${change(p95Ms, each.p95Ms)}`)],
])

function change(value: number, from: number): string {
  return value === from ? '' : ` (${value < from ? '-' : '+'}${Math.round((Math.abs(value - from) / from) * 100)}%)`
}

function print(rows: readonly (readonly string[])[]): void {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  for (const row of rows) console.log(`  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('   ')}`)
}
