// Runs the test suite on other majors of Node: `npm run test:nodes`, or `npm run test:nodes 22 26`.
// The binaries come from npm packages, so nothing has to be installed on the machine, and stay in node_modules/.cache.
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { delimiter, dirname, join, resolve } from 'node:path'

const DEFAULT_MAJORS = ['22', '24', '26']
const cache = resolve('node_modules/.cache/hopstash-nodes')
const platform = process.platform === 'win32' ? 'win' : process.platform
const packageName = `node-${platform}-${process.arch}`

const majors = process.argv.length > 2 ? process.argv.slice(2) : DEFAULT_MAJORS
const failed = majors.filter((major) => !testOn(major))
console.log(failed.length === 0 ? `all of ${majors.join(', ')} passed` : `failed on ${failed.join(', ')}`)
process.exitCode = failed.length === 0 ? 0 : 1

/** Prints one line about a major and says whether its suite passed. */
function testOn(major) {
  try {
    const binary = installNode(major)
    const version = execFileSync(binary, ['--version'], { encoding: 'utf8' }).trim()
    const { passed, total, output } = runSuite(binary, join(cache, `report-${major}.json`))
    const isGreen = total > 0 && passed === total
    if (!isGreen) console.log(output)
    console.log(`node ${version}: ${passed} of ${total} tests passed`)
    return isGreen
  } catch (error) {
    console.log(`node ${major}: ${error.message}`)
    return false
  }
}

function installNode(major) {
  if (!/^\d+$/.test(major)) throw new Error(`expected a major version such as 24, got ${major}`)
  const prefix = join(cache, major)
  const binary = join(prefix, 'node_modules', packageName, platform === 'win' ? 'bin/node.exe' : 'bin/node')
  if (existsSync(binary)) return binary
  mkdirSync(prefix, { recursive: true })
  const options = ['--no-save', '--no-package-lock', '--no-audit', '--no-fund', '--prefix', prefix]
  execFileSync('npm', ['install', ...options, `${packageName}@${major}`], { stdio: ['ignore', 'ignore', 'pipe'] })
  return binary
}

/** Skipped tests count neither as passed nor as missing; a file that does not load counts as one failed test. */
function runSuite(binary, report) {
  rmSync(report, { force: true })
  const args = [
    'node_modules/vitest/vitest.mjs',
    'run',
    '--project=!browser',
    '--reporter=dot',
    '--reporter=json',
    `--outputFile.json=${report}`,
  ]
  const env = { ...process.env, CI: 'true', PATH: dirname(binary) + delimiter + process.env.PATH }
  const { status, stdout, stderr } = spawnSync(binary, args, { env, encoding: 'utf8', maxBuffer: 2 ** 28 })
  const output = stdout + stderr
  if (!existsSync(report)) return { passed: 0, total: 0, output }
  const { numPassedTests, numFailedTests } = JSON.parse(readFileSync(report, 'utf8'))
  const unloaded = status !== 0 && numFailedTests === 0 ? 1 : 0
  return { passed: numPassedTests, total: numPassedTests + numFailedTests + unloaded, output }
}
