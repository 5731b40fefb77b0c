import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { NOBODYS_PORT, type RedisServer, startRedis } from '../support/redis-server.js'

const SCRIPT = fileURLToPath(new URL('../support/redis-script.ts', import.meta.url))

let server: RedisServer

beforeAll(async () => {
  server = await startRedis()
})

afterAll(() => server.stop())

describe.concurrent('a script with a store in Redis', () => {
  it('ends by itself when it has nothing to do', async () => {
    expect(await run(server.url, 'idle')).toEqual({ code: 0, out: 'idle\n', err: '' })
  })

  it('ends by itself after it was connected for a while', async () => {
    expect(await run(server.url, 'works')).toEqual({ code: 0, out: 'ready\n', err: '' })
  })

  it('lives as long as it awaits an answer', async () => {
    expect(await run(server.url, 'awaits')).toEqual({ code: 0, out: 'true true\n', err: '' })
  })

  it('ends by itself, and says no word of its own, with no server there', async () => {
    const url = `redis://:secret@127.0.0.1:${NOBODYS_PORT}`
    const [{ code, out, err }, working] = await Promise.all([run(url, 'awaits', 500), run(url, 'works', 500)])
    expect({ code, err }).toEqual({ code: 0, err: '' })
    expect(out).toContain('false The shared store has not answered')
    expect(out).not.toContain('secret')
    expect(working).toEqual({ code: 0, out: 'away\n', err: '' })
  })
})

/** Runs the script, and fails where it does not end: no machine takes so long to start it. */
function run(url: string, mode: string, waitMs = 20_000): Promise<{ code: number | null; out: string; err: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--import', 'tsx', SCRIPT, url, mode, String(waitMs)], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const [out, err]: [string[], string[]] = [[], []]
    child.stdout.setEncoding('utf8').on('data', (text: string) => out.push(text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => err.push(text))
    const limit = setTimeout(() => {
      child.kill('SIGKILL')
      reject(new Error(`the script does not end: ${out.join('')}${err.join('')}`))
    }, 50_000)
    child.on('close', (code) => {
      clearTimeout(limit)
      resolve({ code, out: out.join(''), err: err.join('') })
    })
  })
}
