import { createHash } from 'node:crypto'
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { explore, type Finding } from './explorer.js'
import { ALL_GUARDS, GUARDS, type Guard, OPTION_GUARDS } from './guards.js'
import { type Call, nameOfScenario, parseScenario, scenarios } from './scenarios.js'
import { witnessOf } from './witnesses.js'
import { DEFAULTS, type ModelOptions } from './world.js'

const USAGE = `Explores the invalidation protocol. Exit code 1: a violation, or a guard without one.
  --ops N         calls per scenario, 1 to N (3)      --faults N      faults per scenario (1)
  --only "Lp Dq"  one scenario                        --calls LDSTCO  kinds of calls; W is a write through
  --keys 2        a second key under the same tag     --leases        loads take turns over the processes
  --restart replay|distrust                           --no-failover   the store never comes back from a copy
  --mutate NAME|all                                   --limit N       states per scenario
  --results FILE  where finished scenarios are noted; a run that was cut resumes from there`

const { values: flags } = parseArgs({
  options: {
    ops: { type: 'string', default: '3' },
    faults: { type: 'string', default: '1' },
    only: { type: 'string' },
    calls: { type: 'string', default: 'LDSTCO' },
    keys: { type: 'string', default: '1' },
    leases: { type: 'boolean', default: false },
    restart: { type: 'string', default: 'distrust' },
    'no-failover': { type: 'boolean', default: false },
    mutate: { type: 'string' },
    limit: { type: 'string', default: 'Infinity' },
    results: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})

interface Note {
  readonly scenario: string
  readonly states: number
  readonly depth: number
  readonly capped: boolean
  readonly seconds: number
}

if (flags.help) console.log(USAGE)
else process.exitCode = (flags.mutate ? mutate(flags.mutate) : exploreAll()) ? 0 : 1

function options(): ModelOptions {
  const faults = Number(flags.faults)
  return {
    ...DEFAULTS,
    faults,
    failover: faults > 0 && !flags['no-failover'],
    onStoreRestart: flags.restart === 'replay' ? 'replay' : 'distrust',
    leases: flags.leases,
  }
}

function chosen(): Call[][] {
  if (flags.only) return [parseScenario(flags.only)]
  const keys = flags.keys === '2' ? 2 : 1
  return Array.from({ length: Number(flags.ops) }, (_, index) =>
    scenarios(index + 1, { operations: flags.calls, keys }),
  ).flat()
}

function exploreAll(): boolean {
  const all = chosen()
  const journal = openJournal()
  let states = 0
  let depth = 0
  let capped = 0
  for (const [index, calls] of all.entries()) {
    const name = nameOfScenario(calls)
    let note = journal.done.get(name)
    if (!note) {
      const started = performance.now()
      const found = explore(calls, options(), Number(flags.limit))
      if (found.violation) return reportViolation(name, found)
      const seconds = Math.round((performance.now() - started) / 100) / 10
      note = { scenario: name, states: found.states, depth: found.depth, capped: found.capped, seconds }
      journal.write(note)
      const memory = Math.round(process.memoryUsage().rss / 2 ** 20)
      console.log(
        `${index + 1}/${all.length} ${name}: ${note.states} states, depth ${note.depth}, ${seconds} s, ${memory} MiB`,
      )
    }
    states += note.states
    depth = Math.max(depth, note.depth)
    capped += note.capped ? 1 : 0
  }
  const cut = capped ? `, ${capped} of them cut at ${flags.limit}` : ''
  console.log(`no violation: ${all.length} scenarios${cut}, ${states} states, depth ${depth}`)
  return true
}

function reportViolation(name: string, { violation, trace = [] }: Finding): false {
  console.log(`${name}: ${violation}\n${trace.map((line) => `    ${line}`).join('\n')}`)
  return false
}

/** Finished scenarios of the same question to the same model: a change of either starts anew. */
function openJournal() {
  const question = JSON.stringify([options(), flags.limit, flags.calls])
  const folder = import.meta.dirname
  const hash = createHash('sha256').update(question)
  for (const file of readdirSync(folder).sort())
    if (/^(?!run\.|model\.|witnesses\.).*\.ts$/.test(file)) hash.update(readFileSync(join(folder, file)))
  const path = flags.results ?? join(tmpdir(), 'hopstash-model', `${hash.digest('hex').slice(0, 16)}.jsonl`)
  mkdirSync(dirname(path), { recursive: true })
  const lines = existsSync(path) ? readFileSync(path, 'utf8').split('\n').filter(Boolean) : []
  const done = new Map(lines.map((line) => JSON.parse(line) as Note).map((note) => [note.scenario, note]))
  console.log(`results: ${path}${done.size ? `, ${done.size} scenarios done before` : ''}`)
  return { done, write: (note: Note) => appendFileSync(path, `${JSON.stringify(note)}\n`) }
}

function mutate(which: string): boolean {
  const guards = which === 'all' ? ALL_GUARDS : (which.split(',') as Guard[])
  let silent = 0
  for (const guard of guards) {
    if (!ALL_GUARDS.includes(guard)) throw new Error(`expected one of ${ALL_GUARDS.join(' ')}, got "${guard}"`)
    const { calls, options } = witnessOf(guard)
    const found = explore(calls, options)
    console.log(`without ${guard} (${{ ...GUARDS, ...OPTION_GUARDS }[guard]}):`)
    if (found.violation) reportViolation(`  ${nameOfScenario(calls)}`, found)
    else {
      silent++
      console.log(`  NOTHING BREAKS in ${nameOfScenario(calls)}, ${found.states} states`)
    }
  }
  return silent === 0
}
