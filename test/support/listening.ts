import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach } from 'vitest'

/** What a test has opened and has to be closed after it. Servers of {@link listen} are closed without being named. */
export const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

/** Serves on a free loopback port until the test is over. Returns its origin, with a path behind it. */
export async function listen(listener: RequestListener, path = ''): Promise<string> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closers.push(() => {
    server.closeAllConnections()
    return new Promise((resolve) => server.close(resolve))
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`
}

/** The same; returns the port. */
export async function listenOnPort(listener: RequestListener): Promise<number> {
  return Number(new URL(await listen(listener)).port)
}
