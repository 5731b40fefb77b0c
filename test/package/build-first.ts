import { spawnSync } from 'node:child_process'
import { readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { findEntries } from '../../tsup.config.js'

const BUILD_INPUTS = ['package.json', 'package-lock.json', 'tsconfig.json', 'tsup.config.ts']

/** Global setup of the package tests: they look at `dist`, so it is built when it is absent or older than its sources. */
export function setup(): void {
  if (builtAt() >= changedAt()) return
  const { status, stdout, stderr } = spawnSync('npm', ['run', 'build'], { encoding: 'utf8' })
  if (status === 0) return
  // Throwing here would end the whole run. Without `dist` the tests of the tarball fail, and only they.
  rmSync('dist', { recursive: true, force: true })
  process.stderr.write(`the build failed\n${stdout}${stderr}`)
}

/** Age of the oldest file that a complete build writes for an entry or for browsers, 0 when one is missing. */
function builtAt(): number {
  const outputs = [...Object.keys(findEntries()), 'browser'].flatMap((name) =>
    ['.js', '.cjs', '.d.ts', '.d.cts'].map((end) => name + end),
  )
  return Math.min(...outputs.map((file) => statSync(join('dist', file), { throwIfNoEntry: false })?.mtimeMs ?? 0))
}

/** Time of the newest change below `src`; folders count too, because removing a file changes only its folder. */
function changedAt(): number {
  const sources = readdirSync('src', { recursive: true, encoding: 'utf8' }).map((file) => join('src', file))
  return Math.max(...[...sources, ...BUILD_INPUTS].map((file) => statSync(file).mtimeMs))
}
