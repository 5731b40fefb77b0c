// Tests that replay recorded answers: the runner is vitest, the cassettes are a folder.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('.', import.meta.url))
const vitest = fileURLToPath(new URL('../../node_modules/vitest/vitest.mjs', import.meta.url))
const { status, stdout, stderr } = spawnSync(process.execPath, [vitest, 'run', '--root', root], {
  env: { ...process.env, CACHE_MODE: 'replay' },
  encoding: 'utf8',
})
console.log(stdout.trim().split('\n').slice(-4).join('\n'))
if (status !== 0) console.log(stderr)
process.exitCode = status ?? 1
