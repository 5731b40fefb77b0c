import { parseArgs } from 'node:util'
import { contenders, pipelineRunners } from './behaviour-contenders.mjs'
import { buildSource, importHopstash } from './build.mjs'
import { startServer } from './redis-server.mjs'

// What the libraries do where they differ, as tables: no times, but for those who wait for a store that does not answer.

const PATIENCE_MS = 2000
const { values: options } = parseArgs({ options: { only: { type: 'string' } } })
await buildSource()
const makers = contenders({ ...(await importHopstash()) })
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
// What a library throws into the void is one of the findings.
let unhandled = 0
process.on('unhandledRejection', () => unhandled++)
process.on('uncaughtException', () => unhandled++)

const MEMORY = {
  'a delete while the load is under way: the old value is back': async (cache) => {
    const load = cache.getOrSet('k', () => pause(40).then(() => 'old')).catch(() => 'rejected')
    await pause(10)
    await cache.delete('k')
    await load
    return (await cache.getOrSet('k', async () => 'new')) === 'old' ? 'yes' : 'no'
  },
  'an object that one caller changed: the next sees it': async (cache) => {
    const first = await cache.getOrSet('k', async () => ({ list: [1] }))
    try {
      first.list.push(2)
    } catch {
      return 'cannot be changed'
    }
    return (await cache.getOrSet('k', async () => ({ list: [1] }))).list.length === 1 ? 'no' : 'yes'
  },
  'a loader that fails: its callers get': async (cache) => {
    const asked = cache.getOrSet('k', () => Promise.reject(new Error('down')))
    return asked.then(
      (value) => `${value}`,
      () => 'the error',
    )
  },
  'loads for 100 callers of one key': async (cache) => {
    let loads = 0
    const load = () => pause(20).then(() => ++loads)
    await Promise.all(Array.from({ length: 100 }, () => cache.getOrSet('k', load)))
    return String(loads)
  },
  'kept of undefined, null, 0, an empty string and false': async (cache) => {
    let kept = 0
    for (const [index, value] of [undefined, null, 0, '', false].entries()) {
      let loads = 0
      const read = () =>
        cache
          .getOrSet(`k${index}`, () => {
            loads++
            return Promise.resolve(value)
          })
          .catch(() => 'rejected')
      await read()
      if ((await read()) === value && loads === 1) kept++
    }
    return `${kept} of 5`
  },
  'a Date, a Map and a BigInt come back as such': async (cache) => {
    const value = { date: new Date(0), map: new Map([[1, 2]]), big: 10n }
    await cache.getOrSet('k', async () => value).catch(() => undefined)
    const { date, map, big } = (await cache.getOrSet('k', async () => ({})).catch(() => undefined)) ?? {}
    return [date instanceof Date, map instanceof Map, big === 10n].every(Boolean) ? 'yes' : 'no'
  },
}

const SHARED = {
  'loads for 4 instances of 25 callers, one cold key': async ({ make }) => {
    let loads = 0
    const load = () => pause(100).then(() => ++loads)
    const caches = await Promise.all([make(), make(), make(), make()])
    await Promise.all(caches.flatMap((cache) => Array.from({ length: 25 }, () => cache.getOrSet('k', load))))
    return String(loads)
  },
  'an instance deletes: another serves the old value from memory 100 ms later': async ({ make }) => {
    const [one, two] = await Promise.all([make(), make()])
    for (const cache of [one, two]) await cache.getOrSet('k', async () => 'old')
    await pause(100)
    await one.delete('k')
    await pause(100)
    return (await two.getOrSet('k', async () => 'new')) === 'old' ? 'yes' : 'no'
  },
  'a Date, a Map and a BigInt come back as such': async ({ make }) => {
    const [one, two] = await Promise.all([make(), make()])
    return MEMORY['a Date, a Map and a BigInt come back as such']({
      getOrSet: (key, load) => (load.name === '' ? one : two).getOrSet(key, load),
    })
  },
  'the store stands still: ms until a caller has what its loader of 5 ms brings, first and third call': async ({
    make,
    server,
  }) => {
    const cache = await make()
    await cache.getOrSet('warm', async () => 1)
    server.freeze()
    try {
      const waits = []
      for (let call = 0; call < 3; call++) waits.push(await timed(cache, `cold ${call}`))
      return `${waits[0]}, ${waits[2]}`
    } finally {
      server.thaw()
    }
  },
  'a delete while the store is down: what is said in 2 s; the store is back with its data: another reads the old value':
    async ({ make, server }) => {
      const [one, two] = await Promise.all([make(), make()])
      await one.getOrSet('k', async () => 'old')
      await pause(100)
      await server.kill()
      await pause(100)
      const said = await Promise.race([
        one.delete('k').then(
          (result) => (typeof result === 'object' && result !== null ? result.store : String(result)),
          () => 'an error',
        ),
        pause(PATIENCE_MS).then(() => 'nothing'),
      ])
      await server.restart()
      await pause(4000)
      return `${said}; ${(await two.getOrSet('k', async () => 'new')) === 'old' ? 'yes' : 'no'}`
    },
}

if (asked('memory')) await table(MEMORY, async (row, make) => row(await make()))
if (asked('shared')) {
  await table(SHARED, async (row, make, name) => {
    const server = await startServer({ args: ['--appendonly', 'yes', '--appendfsync', 'always'] })
    const opened = []
    const open = async () => {
      const cache = await make(server.url)
      opened.push(cache)
      return cache
    }
    try {
      return await row({ make: open, server, name })
    } finally {
      await Promise.race([Promise.allSettled(opened.map((cache) => cache.close?.())), pause(500)])
      await server.stop()
    }
  })
}
if (asked('pipelines')) await pipelineTable()
process.exit(0)

function asked(part) {
  return options.only === undefined || options.only === part
}

/** Three branches at once, of which one throws or never ends, and a step that joins them. */
async function pipelineTable() {
  const runners = await pipelineRunners()
  console.log(
    `| | ${Object.keys(runners).join(' | ')} |\n|---|${Object.keys(runners)
      .map(() => '---|')
      .join('')}`,
  )
  const steps = {
    'one of three branches throws: the caller has': () => Promise.reject(new Error('down')),
    'one of three branches never ends: the caller has, after 2 s': () => new Promise(() => {}),
  }
  for (const [title, third] of Object.entries(steps)) {
    const cells = []
    for (const run of Object.values(runners)) {
      const over = run(third).then(
        (value) => value,
        () => 'an error, and nothing of the others',
      )
      cells.push(await Promise.race([over, pause(PATIENCE_MS).then(() => 'nothing')]))
    }
    console.log(`| ${title} | ${cells.join(' | ')} |`)
  }
}

async function table(rows, run) {
  const names = Object.keys(makers)
  console.log(`| | ${names.join(' | ')} |\n|---|${names.map(() => '---|').join('')}`)
  for (const [title, row] of Object.entries(rows)) {
    const cells = []
    for (const name of names) {
      unhandled = 0
      const cell = await Promise.race([
        run(row, makers[name], name).catch((error) => `fails: ${error.message.slice(0, 40)}`),
        pause(PATIENCE_MS * 8).then(() => 'no answer'),
      ])
      await pause(20)
      cells.push(unhandled > 0 ? `${cell} (${unhandled} unhandled)` : cell)
    }
    console.log(`| ${title} | ${cells.join(' | ')} |`)
  }
}

async function timed(cache, key) {
  const start = performance.now()
  const answer = cache
    .getOrSet(key, () => pause(5).then(() => 'loaded'))
    .then(
      (value) => (value === 'loaded' ? '' : `${value} after `),
      () => 'an error after ',
    )
  const said = await Promise.race([answer, pause(PATIENCE_MS).then(() => 'none in ')])
  return `${said}${Math.round(performance.now() - start)}`
}
