import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { buildSource } from './build.mjs'
import { seeded } from './inputs.mjs'
import { startServer } from './redis-server.mjs'
import { createChecker } from './soak-check.mjs'
import { createFaults } from './soak-faults.mjs'

// Processes that change and read, a fault every few seconds, and a checker of what was seen. Fails for a violation, for a
// process that is not well again after a fault, and for one that does not end. Its last line says it all.
const { values: options } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    processes: { type: 'string', default: '4' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  },
})
const [seconds, processes, seed] = [options.seconds, options.processes, options.seed].map(Number)
/** However busy the machine is: everybody is well after a fault, and has ended when told to. */
const MOST_TO_HEAL_MS = 60_000
/** What was broken last has been noticed by then. */
const NOTICED_MS = 500
const SETTLED_MS = 3000
const random = seeded(seed)
const between = (low, high) => low + random() * (high - low)
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const now = () => performance.timeOrigin + performance.now()

for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1))
await buildSource()
const server = await startServer({ args: ['--appendonly', 'yes', '--appendfsync', 'always'] })
const { counts, violations, check, calm } = createChecker()
const faultLog = []
const startedAt = performance.now()
const children = Array.from({ length: processes }, (_, index) => startProcess(String(index)))
// Whatever hangs: a soak ends.
const limit = setTimeout(() => finish('has not come to its end'), (seconds + 4 * 60) * 1000)
try {
  await run()
  finish()
} catch (error) {
  finish(String(error))
}

async function run() {
  await everyone('well')
  const until = startedAt + seconds * 1000
  const faults = createFaults(server, () => children[Math.floor(random() * children.length)].child)
  while (performance.now() < until) {
    calm(now())
    await pause(Math.min(between(1000, 10_000), Math.max(0, until - performance.now())))
    if (performance.now() >= until) break
    const [name, fault] = faults[Math.floor(random() * faults.length)]
    const ms = Math.round(between(100, 3000))
    calm(Infinity)
    faultLog.push(`${((performance.now() - startedAt) / 1000).toFixed(1)} s: ${name}, ${ms} ms`)
    await fault(ms)
    await pause(NOTICED_MS)
    await everyone('well')
  }
  // First everybody stops, then everybody is well, then everybody looks: nothing changes any more.
  for (const order of ['stop', 'well']) await everyone(order)
  await pause(SETTLED_MS)
  for (const order of ['look', 'close']) await everyone(order)
  await within(Promise.all(children.map(({ over }) => over)), 'all processes have ended')
  await server.stop()
}

function finish(trouble) {
  clearTimeout(limit)
  if (trouble !== undefined) violations.push({ kind: 'trouble', trouble })
  for (const { child } of children) child.kill('SIGKILL')
  const isEmpty = counts.seen === 0 || counts.last === 0
  const isWell = violations.length === 0 && !isEmpty
  if (!isWell) {
    for (const line of faultLog) console.log(`  ${line}`)
    for (const violation of violations.slice(0, 20)) console.log('VIOLATION', JSON.stringify(violation))
  }
  const outcome = isWell ? 'no violation' : isEmpty ? 'nothing was seen' : `${violations.length} violations`
  console.log(
    `soak: seed ${seed}: ${processes} processes, ${seconds} s, ${faultLog.length} faults, ${counts.changed} changes (${counts.queued} queued), ` +
      `${counts.seen} reads (${counts.calmSeen} in calm), ${counts.last} at last, closed in ${counts.slowestCloseMs} ms at most: ${outcome}`,
  )
  process.exit(isWell ? 0 : 1)
}

function startProcess(name) {
  const script = fileURLToPath(new URL('./soak-process.mjs', import.meta.url))
  const child = fork(script, [server.url, name, String(processes), String(seed)])
  const waiting = new Map()
  let isToEnd = false
  child.on('message', (message) => {
    if (message.kind !== 'obeyed') return check(name, message)
    waiting.get(message.order)?.()
    waiting.delete(message.order)
  })
  const over = new Promise((resolve) => {
    child.on('exit', (code, signal) => {
      if (code !== 0 || !isToEnd) violations.push({ kind: 'exit', process: name, code, signal })
      resolve()
    })
  })
  const obey = (order) => {
    isToEnd ||= order === 'close'
    const obeyed = new Promise((resolve) => void waiting.set(order, resolve))
    child.send(order, () => {})
    return obeyed
  }
  return { child, over, obey }
}

function everyone(order) {
  return within(Promise.all(children.map(({ obey }) => obey(order))), `every process has obeyed '${order}'`)
}

/** Something that has to happen, on any machine. */
async function within(work, what) {
  let timer
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not so after ${MOST_TO_HEAL_MS} ms: ${what}`)), MOST_TO_HEAL_MS)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
