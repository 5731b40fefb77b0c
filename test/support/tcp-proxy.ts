import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

/** A wire that can be made slow, silent or cut. */
export interface TcpProxy {
  readonly port: number
  readonly url: string
  /** Answers take so many ms longer. */
  delayMs: number
  /** Answers wait here, in their order, for as long as this is so. */
  held: boolean
  /** Nothing passes in either direction, and nobody is told: a half-open connection. */
  silent: boolean
  /** Ends what is connected now; new connections pass. */
  cut(): void
  /** Lets so many bytes of an answer through and ends its connection then: a reply that stops in its middle. */
  cutAnswersAfter: number
  /** Whether new connections are refused. */
  refuse: boolean
  /** Connections there have been. */
  readonly accepted: number
  /** Bytes that came from clients. */
  readonly bytesIn: number
  close(): Promise<void>
}

/** Starts a proxy before a port of this machine. */
export async function startProxy(target: number): Promise<TcpProxy> {
  const sockets = new Set<Socket>()
  let accepted = 0
  let bytesIn = 0
  let isHeld = false
  const waiting: (() => void)[] = []
  const server = createServer((near) => {
    if (proxy.refuse) return void near.destroy()
    accepted++
    const far = connect(target, '127.0.0.1')
    for (const socket of [near, far]) {
      sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => {
        sockets.delete(socket)
        near.destroy()
        far.destroy()
      })
    }
    near.on('data', (bytes) => {
      if (proxy.silent) return
      bytesIn += bytes.length
      far.write(bytes)
    })
    far.on('data', (bytes) => {
      if (proxy.silent) return
      if (bytes.length > proxy.cutAnswersAfter) {
        near.write(bytes.subarray(0, proxy.cutAnswersAfter))
        // As a proxy does that dies: what was sent arrives, and nothing more.
        return void near.end(() => near.destroy())
      }
      if (isHeld) waiting.push(() => near.write(bytes))
      else if (proxy.delayMs === 0) near.write(bytes)
      else setTimeout(() => near.write(bytes), proxy.delayMs)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  const proxy: TcpProxy = {
    port,
    url: `redis://127.0.0.1:${port}`,
    delayMs: 0,
    get held() {
      return isHeld
    },
    set held(now) {
      isHeld = now
      if (!now) for (const write of waiting.splice(0)) write()
    },
    silent: false,
    cutAnswersAfter: Infinity,
    refuse: false,
    get accepted() {
      return accepted
    },
    get bytesIn() {
      return bytesIn
    },
    cut() {
      for (const socket of sockets) socket.destroy()
    },
    async close() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
  return proxy
}
