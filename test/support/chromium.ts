import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { type Browser, chromium } from 'playwright-core'

/**
 * Starts a headless browser. It is found in `HOPSTASH_TEST_CHROMIUM_BIN` or on the PATH, or installed where that is
 * possible; else this throws. Tests never skip for want of it.
 */
export function startChromium(): Promise<Browser> {
  return chromium.launch({ executablePath: findBinary(), args: ['--no-sandbox', '--disable-dev-shm-usage'] })
}

function findBinary(): string {
  const named = process.env['HOPSTASH_TEST_CHROMIUM_BIN']
  if (named !== undefined && existsSync(named)) return named
  const found = onPath()
  if (found !== undefined) return found
  if (process.getuid?.() === 0 && spawnSync('apt-get', ['--version']).status === 0) {
    spawnSync('apt-get', ['update'], { stdio: 'ignore' })
    spawnSync('apt-get', ['install', '-y', '--no-install-recommends', 'chromium'], {
      stdio: 'ignore',
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    })
  }
  const installed = onPath()
  if (installed !== undefined) return installed
  throw new Error('These tests need Chromium: install it, or set HOPSTASH_TEST_CHROMIUM_BIN to its path.')
}

function onPath(): string | undefined {
  for (const name of ['chromium', 'chromium-browser', 'google-chrome']) {
    try {
      return execFileSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' }).trim()
    } catch {
      // The next one.
    }
  }
  return undefined
}
