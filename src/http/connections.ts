import { OriginMeter } from './origin-meter.js'
import type { PoolPolicy } from './pool-options.js'
import type { Connector, Undici, UndiciAgent } from './undici.js'

/** Less than what an upstream says it keeps an idle connection, by this: its answer to our next call takes time, too. */
const KEEP_ALIVE_MARGIN_MS = 1000

/** The connections of a pool, and what is counted of them. */
export interface Connections {
  readonly agent: UndiciAgent
  meterOf(origin: string): OriginMeter
  meters(): ReadonlyMap<string, OriginMeter>
  /** Whether a call failed because its connection, which had carried answers before, was closed under it. */
  wasUsed(error: unknown): boolean
}

/** Opens nothing yet: connections are made for calls. */
export function createConnections(undici: Undici, policy: PoolPolicy): Connections {
  const meters = new Map<string, OriginMeter>()
  // What a socket had read before it failed, by its error: all that undici hands on of a reset.
  const bytesBefore = new WeakMap<object, number>()
  const meterOf = (origin: string): OriginMeter => {
    const known = meters.get(origin)
    if (known !== undefined) return known
    const meter = new OriginMeter()
    meters.set(origin, meter)
    return meter
  }
  const connect = undici.buildConnector({ ...policy.tls, timeout: policy.connectMs })
  const counted: Connector = (target, done) =>
    connect(target, (error, socket) => {
      if (socket !== undefined && socket !== null) {
        const meter = meterOf(`${target.protocol}//${target.host}`)
        meter.opened++
        meter.open++
        socket.once('close', () => meter.open--)
        socket.on('error', (failure) => bytesBefore.set(failure, socket.bytesRead))
      }
      done(error, socket)
    })
  const agent = new undici.Agent({
    connect: counted,
    connections: policy.connections,
    pipelining: 1,
    keepAliveTimeout: policy.keepAliveMs,
    keepAliveMaxTimeout: policy.maxKeepAliveMs,
    keepAliveTimeoutThreshold: KEEP_ALIVE_MARGIN_MS,
  })
  return {
    agent,
    meterOf,
    meters: () => meters,
    wasUsed(error) {
      if (typeof error !== 'object' || error === null) return false
      const { socket } = error as { readonly socket?: { readonly bytesRead?: number } | null }
      return (socket?.bytesRead ?? bytesBefore.get(error) ?? 0) > 0
    },
  }
}
