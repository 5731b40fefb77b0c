import { createStash, namespace } from '../../src/index.js'

// 20,000 writes of 2 KB that nobody awaits while the store is away: what they cost, and whether the process ends after close().
const [url = '', writes = '20000'] = process.argv.slice(2)
const things = namespace<string, string>({ ttl: '1h', max: 1000 })
const stash = createStash({ store: url as 'redis://', namespaces: { things } })
await stash.ready(500)
const text = (index: number): string => `${index}`.padEnd(2048, 'x')
await stash.things.set('warm', text(0))
collect()
const before = process.memoryUsage()
let settled = 0
for (let index = 0; index < Number(writes); index++) {
  stash.things.set(`key ${index}`, text(index)).then(() => settled++)
}
const limit = Date.now() + 60_000
while (settled < Number(writes) && Date.now() < limit) await new Promise((resolve) => setTimeout(resolve, 20))
collect()
const leftMib = grownMib()
await stash.close()
process.stdout.write(`${JSON.stringify({ settled, leftMib })}\n`)

function grownMib(): number {
  const now = process.memoryUsage()
  return (now.heapUsed + now.external - before.heapUsed - before.external) / 1024 ** 2
}

function collect(): void {
  for (let round = 0; round < 3; round++) globalThis.gc?.()
}
