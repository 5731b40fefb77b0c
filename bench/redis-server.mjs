import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient } from '@keyv/redis'

const BINARY = process.env.HOPSTASH_TEST_REDIS_BIN ?? 'redis-server'

/** Starts a server on a free loopback port, without persistence; it ends with this process at the latest. */
export async function startServer({ port, args = [] } = {}) {
  port ??= await freePort()
  const folder = mkdtempSync(join(tmpdir(), 'hopstash-bench-'))
  const options = [
    '--port',
    port,
    '--bind',
    '127.0.0.1',
    '--dir',
    folder,
    '--save',
    '',
    '--loglevel',
    'warning',
    ...args,
  ]
  let child = await launch()
  process.once('exit', () => child.kill('SIGKILL'))

  async function launch() {
    const started = spawn(BINARY, options.map(String), { stdio: 'ignore' })
    started.unref()
    await untilAnswering(port, started)
    return started
  }
  const kill = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const over = once(child, 'exit')
    child.ref()
    child.kill('SIGKILL')
    await over
  }
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    kill,
    freeze: () => child.kill('SIGSTOP'),
    thaw: () => child.kill('SIGCONT'),
    async restart() {
      await kill()
      child = await launch()
    },
    async stop() {
      await kill()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** A connected client of its own. */
export async function clientOf(url) {
  const client = createClient({ url })
  // The server may end before its clients do.
  client.on('error', () => {})
  return client.connect()
}

/** A port nobody listens on. */
export async function freePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  await once(server, 'close')
  return port
}

async function untilAnswering(port, child) {
  for (let attempt = 0; attempt < 200; attempt++) {
    if (child.exitCode !== null) throw new Error(`${BINARY} ended at once`)
    const client = createClient({ socket: { host: '127.0.0.1', port, reconnectStrategy: false } })
    client.on('error', () => {})
    try {
      await client.connect()
      await client.ping()
      return client.destroy()
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
  throw new Error(`${BINARY} does not answer`)
}
