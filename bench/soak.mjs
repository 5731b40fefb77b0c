import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { buildSource } from './build.mjs'
import { seeded } from './inputs.mjs'
import { clientOf, startServer } from './redis-server.mjs'

const { values: options } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    processes: { type: 'string', default: '4' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  },
})
/** A message is on its way, or a gap is noticed, within two heartbeats. */
const SEEN_ELSEWHERE_MS = 2500
/** After a fault: reconnect, replay, and a subscription that is confirmed. */
const CALM_AFTER_MS = 4000
const random = seeded(Number(options.seed))
const between = (low, high) => low + random() * (high - low)
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

console.log(`soak: ${options.processes} processes, ${options.seconds} s, seed ${options.seed}`)
await buildSource()
const server = await startServer({ args: ['--appendonly', 'yes', '--appendfsync', 'always'] })
const counts = { changed: 0, seen: 0, last: 0, queued: 0, calmSeen: 0 }
const violations = []
/** By key: everything its owner said of it, oldest first. */
const history = new Map()
let calmSince = 0
const children = Array.from({ length: Number(options.processes) }, (_, index) => startProcess(String(index)))
await inject(performance.now() + Number(options.seconds) * 1000)
for (const { child } of children) child.send('stop')
await Promise.all(children.map(({ over }) => over))
await server.stop()
console.log(JSON.stringify(counts))
for (const violation of violations.slice(0, 20)) console.log('VIOLATION', JSON.stringify(violation))
console.log(
  violations.length === 0 ? 'no violation' : `${violations.length} violations; again with --seed ${options.seed}`,
)
process.exitCode = violations.length === 0 && counts.seen > 0 && counts.last > 0 ? 0 : 1

function startProcess(name) {
  const script = fileURLToPath(new URL('./soak-process.mjs', import.meta.url))
  const child = fork(script, [server.url, name, options.processes, options.seed])
  child.on('message', (message) => check(name, message))
  const over = new Promise((resolve) => {
    child.on('exit', (code, signal) => {
      if (code !== 0) violations.push({ kind: 'exit', process: name, code, signal })
      resolve()
    })
  })
  return { child, over }
}

/** The checker: what may be seen, given what was said before. */
function check(from, message) {
  if (message.kind === 'changed') {
    counts.changed++
    if (message.store !== 'done') counts.queued++
    if (!history.has(message.key)) history.set(message.key, [])
    history.get(message.key).push(message)
  } else if (message.kind === 'seen') {
    counts.seen++
    const isOwn = message.key.startsWith(`${from}/`)
    // In an outage others may serve what they hold; their own process never may.
    const isCalm = calmSince > 0 && message.from - CALM_AFTER_MS > calmSince
    if (isCalm) counts.calmSeen++
    const bound = isOwn ? Infinity : isCalm ? message.from - SEEN_ELSEWHERE_MS : 0
    const floor = newestBefore(message.key, bound)
    if (message.version < floor) violations.push({ ...message, process: from, floor, isOwn })
  } else if (message.kind === 'last') {
    counts.last++
    const floor = newestBefore(message.key, Infinity)
    if (message.version !== undefined && message.version < floor) violations.push({ ...message, process: from, floor })
  } else if (message.kind === 'closed') {
    if (message.ms > 2000) violations.push({ ...message, process: from })
  } else violations.push({ ...message, process: from })
}

function newestBefore(key, at) {
  const said = history.get(key) ?? []
  for (let index = said.length - 1; index >= 0; index--) if (said[index].at <= at) return said[index].version
  return 0
}

/** A fault every few seconds, then quiet enough to see whether everybody agrees again. */
async function inject(until) {
  const faults = faultsOf()
  while (performance.now() < until - 8000) {
    calmSince = performance.timeOrigin + performance.now()
    await pause(between(1000, 10_000))
    calmSince = 0
    const [name, fault] = faults[Math.floor(random() * faults.length)]
    const ms = Math.round(between(100, 3000))
    console.log(`  ${(performance.now() / 1000).toFixed(1)} s: ${name}, ${ms} ms`)
    await fault(ms)
  }
  calmSince = performance.timeOrigin + performance.now()
  await pause(Math.max(0, until - performance.now()))
}

function faultsOf() {
  const command = async (...words) => {
    const client = await clientOf(server.url)
    try {
      return await client.sendCommand(words)
    } catch {
      return undefined
    } finally {
      client.destroy()
    }
  }
  const repeatedly = (ms, everyMs, work) => {
    const timer = setInterval(() => work().catch(() => {}), everyMs)
    return pause(ms).then(() => clearInterval(timer))
  }
  return [
    [
      'frozen',
      async (ms) => {
        server.freeze()
        await pause(ms)
        server.thaw()
      },
    ],
    [
      'killed, back with its data',
      async (ms) => {
        await server.kill()
        await pause(ms)
        await server.restart()
      },
    ],
    ['connections killed', (ms) => repeatedly(ms, 100, () => command('CLIENT', 'KILL', 'TYPE', 'normal'))],
    ['bus cut', (ms) => repeatedly(ms, 100, () => command('CLIENT', 'KILL', 'TYPE', 'pubsub'))],
    ['scripts flushed', (ms) => repeatedly(ms, 20, () => command('SCRIPT', 'FLUSH'))],
    ['markers lost', () => command('DEL', '{hopstash}:m:*', '{hopstash}:m:n/things')],
    ['log lost', () => command('DEL', '{hopstash}:log')],
    ['control key lost', () => command('DEL', '{hopstash}:ctl')],
    ['emptied', () => command('FLUSHALL')],
    [
      'full',
      async (ms) => {
        await command('CONFIG', 'SET', 'maxmemory', '1mb')
        await pause(ms)
        await command('CONFIG', 'SET', 'maxmemory', '0')
      },
    ],
    [
      'a replica',
      async (ms) => {
        await command('REPLICAOF', '127.0.0.1', '1')
        await pause(ms)
        await command('REPLICAOF', 'NO', 'ONE')
      },
    ],
    [
      'a process paused',
      async (ms) => {
        const { child } = children[Math.floor(random() * children.length)]
        child.kill('SIGSTOP')
        await pause(ms)
        child.kill('SIGCONT')
      },
    ],
  ]
}
