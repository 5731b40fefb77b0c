import { createClient } from '@keyv/redis'

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const ATTEMPTS = 10

/** What can be broken for some milliseconds, each under its name: the server, the way to it, its data, a process. */
export function createFaults(server, pickProcess) {
  const once = async (words) => {
    const socket = { reconnectStrategy: false, connectTimeout: 2000, socketTimeout: 2000 }
    const client = createClient({ url: server.url, socket })
    client.on('error', () => {})
    try {
      await client.connect()
      return await client.sendCommand(words)
    } finally {
      if (client.isOpen) client.destroy()
    }
  }
  const command = async (...words) => {
    for (let attempt = 1; ; attempt++) {
      try {
        return await once(words)
      } catch (error) {
        // What was set has to be taken back, however often it takes.
        if (attempt === ATTEMPTS) throw error
        await pause(50 * attempt)
      }
    }
  }
  const repeatedly = async (ms, everyMs, ...words) => {
    const until = performance.now() + ms
    while (performance.now() < until) {
      await once(words).catch(() => {})
      await pause(everyMs)
    }
  }
  const between = async (ms, begin, end) => {
    await begin()
    await pause(ms)
    await end()
  }

  return [
    ['frozen', (ms) => between(ms, server.freeze, server.thaw)],
    ['killed, back with its data', (ms) => between(ms, server.kill, server.restart)],
    ['connections killed', (ms) => repeatedly(ms, 100, 'CLIENT', 'KILL', 'TYPE', 'normal')],
    ['bus cut', (ms) => repeatedly(ms, 100, 'CLIENT', 'KILL', 'TYPE', 'pubsub')],
    ['scripts flushed', (ms) => repeatedly(ms, 20, 'SCRIPT', 'FLUSH')],
    ['markers lost', () => command('DEL', '{hopstash}:m:*', '{hopstash}:m:n/things')],
    ['log lost', () => command('DEL', '{hopstash}:log')],
    ['control key lost', () => command('DEL', '{hopstash}:ctl')],
    ['emptied', () => command('FLUSHALL')],
    [
      'full',
      (ms) =>
        between(
          ms,
          () => command('CONFIG', 'SET', 'maxmemory', '100kb'),
          () => command('CONFIG', 'SET', 'maxmemory', '0'),
        ),
    ],
    [
      'a replica',
      (ms) =>
        between(
          ms,
          () => command('REPLICAOF', '127.0.0.1', '1'),
          () => command('REPLICAOF', 'NO', 'ONE'),
        ),
    ],
    [
      'a process paused',
      (ms) => {
        const child = pickProcess()
        return between(
          ms,
          () => child.kill('SIGSTOP'),
          () => child.kill('SIGCONT'),
        )
      },
    ],
  ]
}
