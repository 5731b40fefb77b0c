import { describe, expect, it } from 'vitest'
import { createConnection } from '../../../src/redis/connection.js'
import { pauseMs, wordOf } from '../../../src/redis/reconnect.js'
import { runScript } from '../../../src/redis/script.js'
import { storeKeys } from '../../../src/redis/store-keys.js'
import { createFakeClock } from '../../../src/testing/fake-clock.js'

/** A client that connects, or not, as it is told. */
function fakeClient() {
  const listeners: ((error: unknown) => void)[] = []
  const client = {
    isOpen: false,
    isReady: false,
    refuses: false,
    attempts: 0,
    async connect() {
      client.attempts++
      if (client.refuses) throw Object.assign(new Error('secret'), { code: 'ECONNREFUSED' })
      client.isOpen = client.isReady = true
    },
    destroy() {
      client.isOpen = client.isReady = false
    },
    fail(error: Error) {
      client.isReady = client.isOpen = false
      for (const listener of listeners) listener(error)
    },
    duplicate: () => client,
    sendCommand: async (args: readonly unknown[]) => args[0],
    subscribe: async () => {},
    on: (_event: string, listener: (error: unknown) => void) => void listeners.push(listener),
    unref() {},
  }
  return client
}

function connectionTo(client: ReturnType<typeof fakeClient>, prepare = async () => {}) {
  const clock = createFakeClock()
  const seen: string[] = []
  const connection = createConnection({
    clock,
    prepare,
    source: { address: 'a:1', warnings: [], create: async () => client as never },
    onReady: () => void seen.push('ready'),
    onLost: () => void seen.push('lost'),
  })
  return { clock, connection, seen }
}

describe('a connection', () => {
  it('never gives up, looks again at least once a second, and never holds the process open for it', async () => {
    const client = fakeClient()
    client.refuses = true
    const { clock, connection, seen } = connectionTo(client)
    connection.start()
    await clock.advance(20_000)
    expect(client.attempts).toBeGreaterThan(20)
    expect(connection).toMatchObject({ state: 'away', lastError: 'ECONNREFUSED' })
    expect(clock.pendingTimers(true)).toBe(0)
    client.refuses = false
    await clock.advance(1000)
    expect(connection.state).toBe('ready')
    expect(seen).toEqual(['ready'])
    await connection.close()
  })

  it('is not ready before what has to happen first has happened', async () => {
    const client = fakeClient()
    let attempts = 0
    const { clock, connection } = connectionTo(client, async () => {
      if (++attempts < 3) throw new Error('READONLY replica')
    })
    connection.start()
    await clock.settle()
    await expect(connection.send(['GET', 'a'])).rejects.toThrow('not connected')
    expect(connection.lastError).toBe('READONLY')
    await clock.advance(3000)
    expect(await connection.send(['GET', 'a'])).toBe('GET')
    await connection.close()
  })

  it('takes any error of a connected client for the end of that connection', async () => {
    const client = fakeClient()
    const { clock, connection, seen } = connectionTo(client)
    connection.start()
    await clock.settle()
    client.fail(new Error('Socket closed unexpectedly'))
    await clock.advance(500)
    expect(seen).toEqual(['ready', 'lost', 'ready'])
    expect(connection.reconnects).toBe(1)
    connection.restart('READONLY')
    await clock.advance(500)
    expect(seen.slice(3)).toEqual(['lost', 'ready'])
    await connection.close()
    expect(seen.at(-1)).toBe('lost')
    expect(client.isOpen).toBe(false)
    expect(clock.pendingTimers()).toBe(0)
  })

  it('is given up when nothing is answered any more, though the socket stays open', async () => {
    const client = fakeClient()
    const { clock, connection, seen } = connectionTo(client)
    connection.start()
    await clock.advance(60_000)
    expect(seen).toEqual(['ready'])
    client.sendCommand = () => new Promise(() => {})
    await clock.advance(9000)
    expect(seen).toEqual(['ready'])
    await clock.advance(3000)
    expect(seen).toEqual(['ready', 'lost', 'ready'])
    expect(connection.lastError).toBe('silent')
    // Who may not ping has an answer all the same.
    client.sendCommand = () => Promise.reject(new Error("NOPERM this user has no permissions to run 'ping'"))
    await clock.advance(60_000)
    expect(connection.reconnects).toBe(1)
    await connection.close()
  })

  it('waits 50 ms first, at most 1 s, and never less than half of that', () => {
    expect([0, 1, 2, 5, 50].map((failures) => [pauseMs(failures, 0), pauseMs(failures, 1)])).toEqual([
      [25, 50],
      [50, 100],
      [100, 200],
      [500, 1000],
      [500, 1000],
    ])
  })

  it('keeps one word of an error, for messages may quote arguments', () => {
    expect(wordOf(new Error("ERR unknown command 'x', with args beginning with: 'secret'"))).toBe('ERR')
    expect(wordOf(Object.assign(new Error('connect to secret'), { code: 'ETIMEDOUT' }))).toBe('ETIMEDOUT')
    expect(wordOf(new Error('something secret'))).toBe('error')
    expect(wordOf('secret')).toBe('unknown')
  })
})

describe('a script', () => {
  it('is sent by name, and once with its source where the server does not know it', async () => {
    const sent: unknown[] = []
    const send = async (args: readonly unknown[]) => {
      sent.push(args)
      if (args[0] === 'EVALSHA') throw new Error('NOSCRIPT No matching script.')
      return 1
    }
    expect(await runScript(send, { source: 'return 1', sha: 'abc' }, ['k'], ['a'])).toBe(1)
    expect(sent).toEqual([
      ['EVALSHA', 'abc', '1', 'k', 'a'],
      ['EVAL', 'return 1', '1', 'k', 'a'],
    ])
  })
})

describe('names of keys', () => {
  it('put all control keys in one slot, and an entry beside its token in another', () => {
    const keys = storeKeys('app')
    expect([keys.control, keys.log, keys.marker('t//a'), keys.channel]).toEqual([
      '{app}:ctl',
      '{app}:log',
      '{app}:m:t//a',
      '{app}:bus',
    ])
    expect([keys.entry('app:n:v1:k'), keys.token('app:n:v1:k')]).toEqual(['{app:n:v1:k}:e', '{app:n:v1:k}:t'])
  })

  it.each(['', 'a}b', 'a{b', 'a b', 'a\nb', 'x'.repeat(65)])('refuse the prefix %j', (prefix) => {
    expect(() => storeKeys(prefix)).toThrow(/Expected `prefix`/)
  })
})
