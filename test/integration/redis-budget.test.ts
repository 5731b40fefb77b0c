import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { type RedisServer, startRedis } from '../support/redis-server.js'
import { eventually, PATIENT_MS, startProcess, untilConnected } from './redis-world.js'

const SCRIPT = fileURLToPath(new URL('../support/stash-script.ts', import.meta.url))

let server: RedisServer

beforeAll(async () => {
  server = await startRedis()
})

afterAll(() => server.stop())

// When the budget of a command begins is tested where time is made; here, that a real client carries what is asked of it.
describe('a crowd', () => {
  it.each([
    [3000, 'connected'],
    [10_000, 'connected'],
    [3000, 'being started'],
  ] as const)('of %i loads at once in a process that is %s loses nothing', async (count, how) => {
    // Again where the machine stood still so long that the connection was given up: then writes are lost, as they should be.
    while (!(await carries(count, how === 'connected')));
  })

  it('of one: what a new process writes at once, before its client is there, is written', async () => {
    const done = { set: { memory: 'done', store: 'done' }, loaded: 2, status: 'ok' }
    // As above.
    let said = await saysOneProcess()
    while (said.set.store !== 'done' || said.status !== 'ok') said = await saysOneProcess()
    expect(said).toEqual(done)
  })
})

interface Said {
  readonly set: { readonly memory: string; readonly store: string }
  readonly loaded: number
  readonly status: string
}

/** What a process says of its first two writes, which it makes at once; it ends well. */
async function saysOneProcess(): Promise<Said> {
  const child = fork(SCRIPT, [server.url, String(PATIENT_MS)], {
    execArgv: ['--import', 'tsx'],
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const over = once(child, 'exit')
  let said = ''
  child.stdout?.setEncoding('utf8').on('data', (part: string) => {
    said += part
  })
  await eventually(() => said.endsWith('\n'))
  const told: Said = JSON.parse(said)
  const entries = ['{script:things:v1:set}:e', '{script:things:v1:loaded}:e']
  // What was loaded is written behind its caller's back.
  if (told.set.store === 'done') await eventually(async () => (await server.command('EXISTS', ...entries)) === 2)
  child.send('close')
  expect(await over).toEqual([0, null])
  return told
}

/** Whether the connection held meanwhile; if it did, nothing was lost. */
async function carries(count: number, isConnected: boolean): Promise<boolean> {
  await server.command('FLUSHALL')
  const p = await startProcess(server.url)
  if (isConnected) await untilConnected(p)
  const load = (index: number) => p.things.getOrSet(`k${index}`, async () => ({ v: index }))
  const values = await Promise.all(Array.from({ length: count }, (_, index) => load(index)))
  expect(values.every(({ v }, index) => v === index)).toBe(true)
  const isLost = () => p.store.health().reconnects > 0 || p.store.health().status === 'away'
  const last = `{hopstash:things:v1:k${count - 1}}:e`
  await eventually(async () => isLost() || (await server.command('EXISTS', last)) === 1)
  const hasHeld = !isLost()
  if (hasHeld) {
    expect(p.store.health()).toMatchObject({ breaker: 'closed', commands: { failed: 0, timedOut: 0, withheld: 0 } })
    expect(p.tier.link.away).toBe(false)
  }
  await p.stash.close()
  return hasHeld
}
