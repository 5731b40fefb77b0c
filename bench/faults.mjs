import { parseArgs } from 'node:util'
import { buildSource, importHopstash } from './build.mjs'
import { clientOf, freePort, startServer } from './redis-server.mjs'

// What each fault costs callers, in milliseconds, with default options. Structure is tested elsewhere; these are the times.

const GOALS = { first: 300, open: 2, back: 2000, close: 2000 }
const { values: options } = parseArgs({ options: { check: { type: 'boolean', default: false } } })
await buildSource()
const { createStash, namespace } = await importHopstash()
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

const command = async (server, ...words) => {
  const client = await clientOf(server.url)
  const reply = await client.sendCommand(words)
  client.destroy()
  return reply
}
const userOf = (server) => command(server, 'ACL', 'SETUSER', 'app', 'on', '>pw', '~*', '&*', '+@all')
const FAULTS = [
  {
    name: 'killed, back empty',
    begin: (server) => server.kill(),
    end: async (server) => {
      await server.restart()
      await userOf(server)
    },
  },
  { name: 'frozen (SIGSTOP)', begin: (server) => server.freeze(), end: (server) => server.thaw() },
  {
    name: 'a replica after a fail-over',
    begin: async (server) => command(server, 'REPLICAOF', '127.0.0.1', String(await freePort())),
    end: (server) => command(server, 'REPLICAOF', 'NO', 'ONE'),
  },
  {
    name: 'rights taken away',
    begin: (server) => command(server, 'ACL', 'SETUSER', 'app', '-@all'),
    end: (server) => command(server, 'ACL', 'SETUSER', 'app', '+@all'),
  },
]

const rows = []
for (const fault of FAULTS) rows.push(await measure(fault))
console.log('ms, with default options                 first call   open p50   open p99   back after   close in it')
for (const { name, first, open50, open99, back, close } of rows) {
  const cells = [first, open50, open99, back, close].map((ms) => ms.toFixed(ms < 10 ? 2 : 0).padStart(11))
  console.log(`${name.padEnd(40)}${cells.join(' ')}`)
}
const missed = rows.filter(
  ({ first, open99, back, close }) =>
    first > GOALS.first || open99 > GOALS.open || back > GOALS.back || close > GOALS.close,
)
console.log(missed.length === 0 ? 'every goal met' : `missed: ${missed.map(({ name }) => name).join(', ')}`)
process.exit(options.check && missed.length > 0 ? 1 : 0)

async function measure({ name, begin, end }) {
  const server = await startServer()
  await userOf(server)
  const url = `redis://app:pw@127.0.0.1:${server.port}`
  const things = namespace({ ttl: '1h' })
  const [stash, closing] = ['a', 'b'].map((prefix) => createStash({ store: url, prefix, namespaces: { things } }))
  await Promise.all([stash.ready(), closing.ready()])
  await Promise.all([stash.things.set('k', 1), closing.things.set('k', 1)])
  await begin(server)
  const first = await took(() => stash.things.getOrSet('first', () => 1))
  const open = []
  for (let call = 0; call < 500; call++) {
    open.push(await took(() => stash.things.getOrSet(`open ${call}`, () => 1)))
    await pause(2)
  }
  open.sort((a, b) => a - b)
  const close = await took(() => closing.close())
  await end(server)
  const back = await took(async () => {
    while (stash.health().status !== 'ok') await pause(2)
  })
  await stash.close()
  await server.stop()
  return { name, first, open50: open[250], open99: open[495], back, close }
}

async function took(work) {
  const begun = performance.now()
  await work()
  return performance.now() - begun
}
