import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { RunReport } from 'hopstash/pipeline'
import { afterEach, describe, expect, it } from 'vitest'
import { type AnalysisResponse, analysisResponse } from '../../examples/resume-pipeline/answer.js'
import { createScreen } from '../../examples/resume-pipeline/demo/screen.js'
import { readSettings } from '../../examples/resume-pipeline/demo/settings.js'

const running: ChildProcess[] = []
afterEach(() => {
  for (const child of running.splice(0)) child.kill('SIGKILL')
})

describe('the demo', () => {
  it('plays its scenes: cold, from the cache, degraded, shared, and the statistics', async () => {
    const { stdout, code } = await demo(['--latency', '0.1']).end()
    const [, introduction, cold, warm, bad, crowd, statistics] = stdout.split(/^── /m)
    expect(code).toBe(0)
    expect(introduction).toMatch(/hops +loader, fastsvm \(after loader\)/)
    expect(cold).toMatch(/calls +loader 1, fastSvm 1, hermes 1, imaginator 1, jobSearch 1, model 3\n/)
    expect(cold).toMatch(/top gap +React/)
    expect(warm).toMatch(/calls +none\n/)
    expect(warm).toMatch(/saved +5 calls, about [\d,]+ ms of work and \$0\.00[1-9]\d/)
    expect(bad).toMatch(/status +degraded/)
    expect(bad).toMatch(/why +fastsvm is degraded: timeout/)
    expect(bad).toMatch(/why +imaginator is degraded: error/)
    expect(bad).toMatch(/repaired +asked again, ok/)
    expect(crowd).toMatch(/calls +loader 1, fastSvm 1, hermes 1, imaginator 1, jobSearch 1, model 3\n/)
    expect(statistics).toMatch(/aiResponse +3\/50 .* 8 +[\d,]+ ms +\$0\.0\d{3}\n/)
    expect(stdout).not.toContain('\u001b')
  })

  it('prints one JSON document with --json', async () => {
    const { stdout, stderr, code } = await demo(['--json', '--latency', '0']).end()
    const { payload, report } = JSON.parse(stdout) as { payload: AnalysisResponse; report: RunReport }
    expect([code, stderr]).toEqual([0, ''])
    expect(analysisResponse.parse(payload).jobs).not.toHaveLength(0)
    expect(report).toMatchObject({ schema: 'hop-run/1', status: 'ok', runId: payload.report.runId })
    expect(report.hops.imaginator!.usage!.costUsd).toBeGreaterThan(0)
  })

  it('serves with --serve, with curl lines that work, until it is interrupted', async () => {
    const child = demo(['--serve', '--latency', '0'])
    const text = await child.until('Ctrl+C')
    const lines = [...text.matchAll(/^ {2}curl .*$/gm)].map(([line]) => line)
    const [url] = /http:\/\/127\.0\.0\.1:\d+/.exec(text)!
    expect(lines).toHaveLength(6)
    const sample = await (await fetch(`${url}/api/sample`)).text()
    const paths = lines.map((line) => /(\/api\/[a-z.]+(\?[a-z=-]+)?)'?( +#.*)?$/.exec(line)![1]!)
    expect(new Set(paths).size).toBe(4)
    for (const path of paths) {
      const post = path !== '/api/stats'
      const response = await fetch(url + path, post ? { method: 'POST', body: sample } : {})
      expect([path, response.status]).toEqual([path, 200])
      await response.arrayBuffer()
    }
    child.interrupt()
    const { stdout, code } = await child.end()
    expect(code).toBe(0)
    expect(stdout).toMatch(/^POST \/api\/analyse 200 [\d.]+ ms ok$/m)
    await expect(fetch(url)).rejects.toThrow('fetch failed')
  })

  it('says in one line what it does not understand', async () => {
    const { stdout, stderr, code } = await demo(['--latency', 'fast']).end()
    expect([code, stdout]).toEqual([1, ''])
    expect(stderr).toBe('--latency takes a number from 0 to 100, not "fast".\n')
  })
})

describe('the settings', () => {
  it('are four scenes, at the pace of the modules, with jobs', () => {
    expect(readSettings([], {})).toEqual({ mode: 'scenes', latencyFactor: 1, port: 0, jobSearch: true })
    expect(readSettings(['--serve', '--port', '8080'], {})).toMatchObject({ mode: 'serve', port: 8080 })
    expect(readSettings(['--json', '--help'], {}).mode).toBe('help')
  })

  it('leave the jobs out where JOB_SEARCH_ENABLED says no', () => {
    expect(readSettings([], { JOB_SEARCH_ENABLED: 'false' }).jobSearch).toBe(false)
  })

  it.each(['--latency=', '--latency=-1', '--port=70000', '--colour=red', 'scenes'])('refuse %s, by name', (arg) => {
    expect(() => readSettings([arg], {})).toThrow(arg.split('=')[0]!)
  })
})

describe('the screen', () => {
  it.each([
    { isTTY: true, environment: {}, colours: true },
    { isTTY: true, environment: { NO_COLOR: '1' }, colours: false },
    { isTTY: false, environment: {}, colours: false },
  ])('has colours only on a terminal that wants them: $isTTY, $environment', ({ isTTY, environment, colours }) => {
    const { screen, written } = open(isTTY, environment)
    screen.headline('Title', 'text')
    expect(written().includes('\u001b[')).toBe(colours)
  })

  it('shows a text without what a terminal would obey', () => {
    const { screen, written } = open(false)
    screen.fact('section', `red \u001b[31m alert\u0007 ${'word '.repeat(60)}`, { lines: 2 })
    expect(written().replaceAll('\n', '')).not.toMatch(/\p{Cc}/u)
    expect(written().trimEnd().split('\n')).toHaveLength(2)
    expect(written().trimEnd().endsWith('…')).toBe(true)
  })

  function open(isTTY: boolean, environment: NodeJS.ProcessEnv = {}) {
    const parts: string[] = []
    const out = { isTTY, write: (text: string) => parts.push(text) > 0 }
    return {
      screen: createScreen(out as Parameters<typeof createScreen>[0], environment),
      written: () => parts.join(''),
    }
  }
})

/** Runs the demo as a person would, without what this environment may say. */
function demo(args: string[]) {
  const { CACHE_URL, OPENAI_BASE_URL, OPENAI_API_KEY, OPENAI_MODEL, JOB_SEARCH_ENABLED, ...inherited } = process.env
  const child = spawn(process.execPath, ['--import', 'tsx', 'examples/resume-pipeline/main.ts', ...args], {
    env: { ...inherited, TSX_TSCONFIG_PATH: 'tsconfig.json' },
  })
  running.push(child)
  const output = { stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', (text) => (output.stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text) => (output.stderr += text))
  const closed = once(child, 'close') as Promise<[number | null]>
  return {
    interrupt: () => child.kill('SIGINT'),
    async end() {
      const [code] = await closed
      return { ...output, code }
    },
    async until(text: string) {
      while (!output.stdout.includes(text)) await once(child.stdout, 'data')
      return output.stdout
    },
  }
}
