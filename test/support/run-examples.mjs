// Runs every example and fails when one fails: `npm run examples` against src, `npm run examples -- --built` against dist.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { resolve } from 'node:path'

const TIMEOUT_MS = 60_000
const tsconfig = resolve(process.argv.includes('--built') ? 'test/support/tsconfig.built.json' : 'tsconfig.json')

const failed = findExamples().filter((file) => !run(file))
console.log(failed.length === 0 ? 'all examples ran' : `failed: ${failed.join(', ')}`)
process.exitCode = failed.length === 0 ? 0 : 1

/** An example is a file `examples/name.ts`, or a folder `examples/name` with a `main.ts`. */
function findExamples() {
  if (!existsSync('examples')) return []
  const entries = readdirSync('examples', { withFileTypes: true })
  const files = entries.map((entry) => `examples/${entry.name}${entry.isDirectory() ? '/main.ts' : ''}`)
  return files.filter((file) => file.endsWith('.ts') && existsSync(file)).sort()
}

/** An example needs no store, key or network; one that does not end by itself has failed. */
function run(file) {
  const { CACHE_URL: _ignored, ...inherited } = process.env
  const env = { ...inherited, TSX_TSCONFIG_PATH: tsconfig }
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, ['--import', 'tsx', file], {
    env,
    encoding: 'utf8',
    timeout: TIMEOUT_MS,
  })
  console.log(`${status === 0 ? 'ok  ' : 'FAIL'} ${file}${signal ? ` (did not end within ${TIMEOUT_MS} ms)` : ''}`)
  if (status !== 0) console.log(stdout + stderr)
  return status === 0
}
