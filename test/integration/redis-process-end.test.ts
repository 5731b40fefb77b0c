import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freePort, type RedisServer, startRedis } from '../support/redis-server.js'

const SCRIPT = fileURLToPath(new URL('../support/redis-script.ts', import.meta.url))

let server: RedisServer

beforeAll(async () => {
  server = await startRedis()
})

afterAll(() => server.stop())

describe('a script with a store in Redis', () => {
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
    const url = `redis://:secret@127.0.0.1:${await freePort()}`
    const { code, out, err } = await run(url, 'awaits')
    expect({ code, err }).toEqual({ code: 0, err: '' })
    expect(out).toContain('false The shared store has not answered')
    expect(out).not.toContain('secret')
    expect(await run(url, 'works')).toEqual({ code: 0, out: 'away\n', err: '' })
  })
})

/** Runs the script, and fails where it does not end within 15 s. */
function run(url: string, mode: string): Promise<{ code: number | null; out: string; err: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--import', 'tsx', SCRIPT, url, mode], { stdio: ['ignore', 'pipe', 'pipe'] })
    const [out, err]: [string[], string[]] = [[], []]
    child.stdout.setEncoding('utf8').on('data', (text: string) => out.push(text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => err.push(text))
    const limit = setTimeout(() => {
      child.kill('SIGKILL')
      reject(new Error(`the script does not end: ${out.join('')}${err.join('')}`))
    }, 15_000)
    child.on('exit', (code) => {
      clearTimeout(limit)
      resolve({ code, out: out.join(''), err: err.join('') })
    })
  })
}
