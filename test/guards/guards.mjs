// Shows that the guards of the cache core are tested: takes each one out of a copy of the package, and expects that the
// named tests fail. Run by hand: `node test/guards/guards.mjs [part of a guard's name]`.
import { spawn } from 'node:child_process'
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { guards as cacheGuards } from './cache-guards.mjs'
import { endGuards } from './end-guards.mjs'
import { leaseGuards } from './lease-guards.mjs'
import { sharedGuards } from './shared-guards.mjs'

const guards = [...cacheGuards, ...endGuards, ...leaseGuards, ...sharedGuards]
const root = new URL('../../', import.meta.url).pathname
const [part = ''] = process.argv.slice(2)
const chosen = guards.filter(({ name }) => name.includes(part))
if (chosen.length === 0) {
  console.error(`No guard's name contains '${part}'. There are:\n${guards.map(({ name }) => `  ${name}`).join('\n')}`)
  process.exit(2)
}

const copy = await copyPackage()
let failures = 0
try {
  const untouched = await runTests([...new Set(chosen.flatMap(({ tests }) => tests))])
  if (untouched.failed !== 0 || untouched.passed === 0) throw new Error(`Without a patch: ${untouched.summary}`)
  console.log(`${untouched.passed} tests pass with every guard in place`)
  for (const guard of chosen) if (!(await isTested(guard))) failures++
} finally {
  await rm(copy, { recursive: true, force: true })
}
console.log(
  failures === 0 ? `${chosen.length} guards are tested` : `${failures} of ${chosen.length} guards are NOT tested`,
)
process.exitCode = failures === 0 ? 0 : 1

async function isTested({ name, file, find, replace, tests }) {
  const path = join(copy, file)
  const source = await readFile(path, 'utf8')
  const places = source.split(find).length - 1
  if (places !== 1) {
    console.log(`STALE   ${name}: expected its text once in ${file}, found it ${places} times`)
    return false
  }
  await writeFile(
    path,
    source.replace(find, () => replace),
  )
  // One test that fails is enough.
  const outcome = await runTests(tests, ['--bail=1'])
  await writeFile(path, source)
  const caught = outcome.failed > 0 && outcome.brokenFiles === 0
  console.log(`${caught ? 'tested ' : 'MISSED '} ${name}: ${outcome.summary}`)
  return caught
}

async function copyPackage() {
  const target = await mkdtemp(join(tmpdir(), 'hopstash-guards-'))
  for (const name of ['src', 'test', 'package.json', 'tsconfig.json', 'vitest.config.ts']) {
    await cp(join(root, name), join(target, name), { recursive: true })
  }
  await symlink(join(root, 'node_modules'), join(target, 'node_modules'))
  return target
}

function runTests(files, options = []) {
  const report = join(copy, 'report.json')
  const args = [
    'node_modules/vitest/vitest.mjs',
    'run',
    '--reporter=json',
    `--outputFile=${report}`,
    ...options,
    ...files,
  ]
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, {
      cwd: copy,
      stdio: 'ignore',
      env: { ...process.env, SCALE: '20', RUNS: '2000' },
    })
    child.once('error', reject)
    child.once('exit', async () => {
      const { numFailedTests, numPassedTests, testResults } = JSON.parse(await readFile(report, 'utf8'))
      const brokenFiles = testResults.filter(
        ({ status, assertionResults }) => status === 'failed' && assertionResults.length === 0,
      ).length
      const first = testResults.flatMap((each) => each.assertionResults).find(({ status }) => status === 'failed')
      const detail = first === undefined ? 'every test passed' : `${numFailedTests} failed, such as "${first.title}"`
      resolve({ failed: numFailedTests, passed: numPassedTests, brokenFiles, summary: detail })
    })
  })
}
