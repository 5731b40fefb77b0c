import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A Redis or Valkey that a test has to itself. */
export interface RedisServer {
  readonly port: number
  readonly url: string
  readonly pid: number
  /** SIGKILL, as a crash. */
  kill(): Promise<void>
  /** SIGSTOP: accepts connections, answers nothing. */
  freeze(): void
  thaw(): void
  /** Kills it if it runs, and starts it on the same port: with its data only where it persists them. */
  restart(): Promise<void>
  /** One command on a connection of its own, as `redis-cli` would; arrays come back nested. */
  command(...args: readonly string[]): Promise<unknown>
  /** Ends it and removes its folder. */
  stop(): Promise<void>
}

/** Options of {@link startRedis}. */
export interface RedisServerOptions {
  /** Append every write, synchronously: data survive `kill` and `restart`. @defaultValue `false` */
  readonly persist?: boolean
  /** @defaultValue a free one */
  readonly port?: number
  /** More arguments of the server, such as `--maxmemory 4mb`. */
  readonly args?: readonly string[]
  /** Lines of a file that the server may write to: a Sentinel has to have one. */
  readonly config?: readonly string[]
}

let binary: string | undefined

/**
 * Starts a server on a free loopback port. It is found in `HOPSTASH_TEST_REDIS_BIN` or on the PATH, or installed where that
 * is possible; else this throws. Tests never skip for want of it.
 */
export async function startRedis(options: RedisServerOptions = {}): Promise<RedisServer> {
  binary ??= findBinary()
  const executable = binary
  const folder = mkdtempSync(join(tmpdir(), 'hopstash-redis-'))
  const port = options.port ?? (await freePort())
  const persistence = options.persist ? ['--appendonly', 'yes', '--appendfsync', 'always'] : ['--appendonly', 'no']
  const file = join(folder, 'server.conf')
  if (options.config) writeFileSync(file, `${options.config.join('\n')}\n`)
  const args = [
    ...(options.config ? [file] : []),
    '--port',
    String(port),
    '--bind',
    '127.0.0.1',
    '--dir',
    folder,
    '--save',
    '',
    '--loglevel',
    'warning',
    ...persistence,
    ...(options.args ?? []),
  ]
  let child = await launch()

  async function launch() {
    const started = spawn(executable, args, { stdio: 'ignore' })
    started.unref()
    endWithUs(started)
    await untilAnswering(port, () => started.exitCode !== null)
    return started
  }
  async function kill(): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return
    const over = once(child, 'exit')
    child.ref()
    child.kill('SIGKILL')
    await over
  }

  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    get pid() {
      return child.pid as number
    },
    kill,
    freeze: () => void child.kill('SIGSTOP'),
    thaw: () => void child.kill('SIGCONT'),
    async restart() {
      await kill()
      child = await launch()
    },
    command: (...words) => send(port, words),
    async stop() {
      await kill()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

const children = new Set<ChildProcess>()
let isWatching = false

/** A test that fails before its own clean-up leaves nothing behind either. */
function endWithUs(child: ChildProcess): void {
  if (!isWatching) {
    process.once('exit', () => {
      for (const each of children) each.kill('SIGKILL')
    })
  }
  isWatching = true
  children.add(child)
  child.once('exit', () => children.delete(child))
}

function findBinary(): string {
  const named = process.env['HOPSTASH_TEST_REDIS_BIN']
  if (named !== undefined && existsSync(named)) return named
  const found = onPath()
  if (found !== undefined) return found
  if (process.getuid?.() === 0 && spawnSync('apt-get', ['--version']).status === 0) {
    spawnSync('apt-get', ['update'], { stdio: 'ignore' })
    spawnSync('apt-get', ['install', '-y', '--no-install-recommends', 'redis-server'], {
      stdio: 'ignore',
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    })
  }
  const installed = onPath()
  if (installed !== undefined) return installed
  throw new Error(
    'These tests need redis-server or valkey-server: install one, or set HOPSTASH_TEST_REDIS_BIN to its path.',
  )
}

function onPath(): string | undefined {
  for (const name of ['redis-server', 'valkey-server']) {
    try {
      return execFileSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' }).trim()
    } catch {
      // The next one.
    }
  }
  return undefined
}

/** Where nobody ever listens, and no system sends from. */
export const NOBODYS_PORT = 1

/**
 * A port nobody listens on, nor does until it is used: it is none of those that a system gives away by itself, to a server
 * that asks for any or to a client that connects somewhere, and a Cluster's second one, 10,000 further, is none either.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 12_000 + Math.floor(Math.random() * 10_000)
    const server = createServer()
    server.listen(port, '127.0.0.1')
    const isFree = await once(server, 'listening').then(
      () => true,
      () => false,
    )
    if (!isFree) continue
    server.close()
    await once(server, 'close')
    return port
  }
}

async function untilAnswering(port: number, isOver: () => boolean): Promise<void> {
  for (let attempt = 0; attempt < 3000; attempt++) {
    if (isOver()) throw new Error('the server ended while it was started')
    const pong = await send(port, ['PING']).catch(() => undefined)
    if (pong === 'PONG') return
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  throw new Error('the server does not answer')
}

/** One command of the wire protocol, written and read here: a test must not look through the client it tests. */
function send(port: number, words: readonly string[]): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1')
    let text = ''
    socket.setEncoding('latin1')
    socket.setTimeout(20_000, () => socket.destroy(new Error('no answer')))
    socket.on('error', reject)
    socket.on('close', () => reject(new Error('the connection was closed')))
    socket.on('data', (chunk: string) => {
      text += chunk
      const read = readReply(text, 0)
      if (read === undefined) return
      socket.destroy()
      if (read.value instanceof Error) reject(read.value)
      else resolve(read.value)
    })
    const parts = words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`)
    socket.write(`*${words.length}\r\n${parts.join('')}`)
  })
}

interface Read {
  readonly value: unknown
  readonly end: number
}

function readReply(text: string, at: number): Read | undefined {
  const lineEnd = text.indexOf('\r\n', at)
  if (lineEnd < 0) return undefined
  const line = text.slice(at + 1, lineEnd)
  const next = lineEnd + 2
  switch (text[at]) {
    case '+':
      return { value: line, end: next }
    case '-':
      return { value: new Error(line), end: next }
    case ':':
      return { value: Number(line), end: next }
    case '$': {
      const length = Number(line)
      if (length < 0) return { value: null, end: next }
      return text.length < next + length + 2
        ? undefined
        : { value: text.slice(next, next + length), end: next + length + 2 }
    }
    default: {
      const values: unknown[] = []
      let end = next
      for (let left = Number(line); left > 0; left--) {
        const read = readReply(text, end)
        if (read === undefined) return undefined
        values.push(read.value)
        end = read.end
      }
      return { value: values, end }
    }
  }
}
