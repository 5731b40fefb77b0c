import { fork } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus, loadavg } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { buildSource } from './build.mjs'
import { goalsMet, renderTable } from './table.mjs'

const NAMES = [
  'memory-hit',
  'verbs',
  'cached-fn',
  'digest',
  'stampede',
  'pipeline',
  'heap',
  'import-time',
  'redis',
  'invalidation',
  'routes',
  'batch',
  'llm',
  'file',
]
const MIN_ROUNDS = 15

const USAGE = `node bench/run.mjs [options]
  --only name     one bench of ${NAMES.join(', ')}; may be repeated
  --rounds n      interleaved rounds, at least ${MIN_ROUNDS} (default ${MIN_ROUNDS})
  --runs n        how often each bench runs, in processes of their own (default 1); a goal counts when met in 2 of 3
  --sample-ms n   length of one sample (default 40)
  --cpu           processor time instead of wall time, for a machine that others use
  --dist          measure dist/ instead of a fresh bundle of src/
  --check         exit with 1 when a goal is missed`

const { values: options } = parseArgs({
  options: {
    only: { type: 'string', multiple: true, default: [] },
    rounds: { type: 'string', default: String(MIN_ROUNDS) },
    runs: { type: 'string', default: '1' },
    'sample-ms': { type: 'string', default: '40' },
    cpu: { type: 'boolean', default: false },
    dist: { type: 'boolean', default: false },
    check: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

if (options.help) console.log(USAGE)
else process.exitCode = await main()

async function main() {
  const unknown = options.only.find((name) => !NAMES.includes(name))
  if (unknown !== undefined) return complain(`There is no bench '${unknown}'.\n${USAGE}`)
  if (!existsSync(new URL('./node_modules', import.meta.url))) {
    return complain('The peers are not installed: npm ci --prefix bench')
  }
  if (!options.dist) await buildSource()
  const pace = {
    rounds: Math.max(MIN_ROUNDS, Number(options.rounds)),
    sampleMs: Number(options['sample-ms']),
    clock: options.cpu ? 'cpu' : 'wall',
  }
  const outcomes = []
  for (const name of NAMES) {
    if (options.only.length === 0 || options.only.includes(name)) outcomes.push(await runBench(name, pace))
  }
  const missed = outcomes.reduce((total, outcome) => total + outcome.missed, 0)
  const crashed = outcomes.filter((outcome) => outcome.crashed).map((outcome) => outcome.name)
  console.log(missed === 0 ? 'No goal was missed.' : `Goals missed: ${missed}.`)
  if (crashed.length > 0) return complain(`Crashed: ${crashed.join(', ')}.`)
  return options.check && missed > 0 ? 1 : 0
}

/** Runs one bench as often as asked, prints its tables and keeps them as JSON. */
async function runBench(name, pace) {
  const runs = []
  try {
    for (let run = 0; run < Number(options.runs); run++) runs.push(await runChild(name, pace))
  } catch (error) {
    console.error(error)
    return { name, crashed: true, missed: 0 }
  }
  if (runs[0].length === 0) console.log(`${name}: this build has nothing to measure\n`)
  // Tables of one title, one from each run.
  const tables = runs[0].map((_, index) => runs.map((run) => run[index]))
  for (const table of tables) console.log(`${renderTable(table)}\n`)
  keepResults(name, pace, tables)
  return { name, crashed: false, missed: tables.flatMap(goalsMet).filter((goal) => !goal.met).length }
}

function runChild(name, pace) {
  return new Promise((resolve, reject) => {
    const child = fork(fileURLToPath(new URL('./child.mjs', import.meta.url)), [name, JSON.stringify(pace)], {
      execArgv: ['--expose-gc'],
      env: { ...process.env, ...(options.dist && { BENCH_DIST: '1' }) },
    })
    let tables
    child.on('message', (message) => {
      tables = message
    })
    child.on('error', reject)
    child.on('exit', (code, signal) => {
      if (code === 0 && tables !== undefined) resolve(tables)
      else reject(new Error(`${name} ended with ${signal ?? code}`))
    })
  })
}

function keepResults(name, pace, tables) {
  const folder = new URL('./results/', import.meta.url)
  mkdirSync(folder, { recursive: true })
  const machine = { node: process.version, cpu: cpus()[0]?.model, cores: availableParallelism(), load: loadavg() }
  const result = { bench: name, at: new Date().toISOString(), machine, pace, tables }
  writeFileSync(new URL(`${name}.json`, folder), `${JSON.stringify(result, undefined, 2)}\n`)
}

function complain(message) {
  console.error(message)
  return 2
}
