import { poolClosed } from '../errors/http-error.js'
import { nameTaken } from '../errors/option-error.js'
import { checkShape } from '../resilience/option-shape.js'
import { type Duration, parseDuration } from '../runtime/duration.js'
import { createConnections } from './connections.js'
import { type Credentials, createCredentials, PATIENCE_MS } from './credentials.js'
import { createModuleClient, type ModuleClient } from './module-client.js'
import { type ModuleOptions, resolveModule } from './module-options.js'
import type { OriginStats } from './origin-meter.js'
import { type PoolOptions, resolvePool } from './pool-options.js'
import { ProviderMeter, type ProviderReport } from './provider-meter.js'
import { loadUndici, type Undici } from './undici.js'

/** What the connections of a pool did so far, by origin. */
export interface PoolStats {
  /** Connections per origin at most. */
  readonly connections: number
  readonly origins: Readonly<Record<string, OriginStats>>
}

/** Connections that are kept open and shared by the clients of all modules. */
export interface Pool {
  /**
   * Returns a client of a module; made once, at start-up.
   *
   * @throws OptionError `ERR_OPTION_INVALID`, `ERR_NAME_TAKEN`
   */
  module<In = unknown, Out = unknown>(options: ModuleOptions<In, Out>): ModuleClient<In, Out>
  stats(): PoolStats
  /** How each module does, by name, as far as its calls tell. Asks nobody. */
  providers(): Readonly<Record<string, ProviderReport>>
  /**
   * Asks every module's `auth` now, so that `providers()` knows who has credentials. Calls no module, never rejects, and
   * waits for at most 30 s.
   */
  prepare(): Promise<Readonly<Record<string, ProviderReport>>>
  /** Refuses new calls with `ERR_CLOSED`, and resolves when those under way are over. */
  drain(): Promise<void>
  /** Drains for at most `grace`, then ends what is left, and closes every connection. @defaultValue `'10s'` */
  close(options?: { readonly grace?: Duration | undefined }): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

interface Known {
  readonly origin: string
  readonly credentials: Credentials
  readonly meter: ProviderMeter
}

/**
 * Makes the pool of connections of a service, at its start.
 *
 * @throws OptionError `ERR_OPTION_INVALID`; PeerError `ERR_PEER_MISSING` without undici 7
 * @example
 * import { createPool } from 'hopstash/http'
 * const pool = createPool({ size: 'medium' })
 * const scores = pool.module({ baseUrl: 'https://scores.internal/v1', auth: () => process.env.SCORES_TOKEN })
 * scores.name // => 'scores.internal'
 * pool.providers()[scores.name]?.state // => 'unknown'
 * await pool.close()
 */
export function createPool(options: PoolOptions = {}): Pool {
  return poolOver(loadUndici(), options)
}

/** {@link createPool} over an undici that is loaded already. */
export function poolOver(undici: Undici, options: PoolOptions): Pool {
  const policy = resolvePool(options)
  const { clock } = policy
  const connections = createConnections(undici, policy)
  const modules = new Map<string, Known>()
  const gate = createGate()

  const report = ({ origin, credentials, meter }: Known): ProviderReport =>
    meter.read(origin, credentials.configured, clock.now())
  const providers = (): Record<string, ProviderReport> =>
    Object.fromEntries([...modules].map(([name, known]) => [name, report(known)]))
  const within = async (ms: number, work: Promise<unknown>): Promise<void> => {
    let timer: unknown
    const late = new Promise<void>((resolve) => {
      timer = clock.setTimer(resolve, ms, true)
    })
    await Promise.race([work, late])
    clock.clearTimer(timer)
  }
  let closing: Promise<void> | undefined
  const close: Pool['close'] = (given = {}) => {
    checkShape('close', given, ['grace'])
    const graceMs = parseDuration(given.grace ?? '10s', 'grace')
    const end = async (): Promise<void> => {
      await within(graceMs, gate.drain())
      await connections.agent.destroy()
    }
    closing ??= end()
    return closing
  }

  return Object.freeze({
    module<In, Out>(given: ModuleOptions<In, Out>) {
      const own = resolveModule(given as ModuleOptions<never, unknown>, policy)
      const { name, base } = own
      if (modules.has(name)) throw nameTaken('module', name, 'Give each module of the pool a `name` of its own.')
      const credentials = createCredentials(name, own.auth, clock)
      const meter = new ProviderMeter()
      modules.set(name, { origin: base.origin, credentials, meter })
      const begin = (): (() => void) => gate.enter(name)
      return createModuleClient<In, Out>({ policy: own, pool: policy, connections, credentials, meter, begin })
    },
    stats: () => ({
      connections: policy.connections,
      origins: Object.fromEntries([...connections.meters()].map(([origin, meter]) => [origin, meter.read()])),
    }),
    providers,
    async prepare() {
      await within(PATIENCE_MS, Promise.allSettled([...modules.values()].map(async (one) => one.credentials.current())))
      return providers()
    },
    drain: () => gate.drain(),
    close,
    [Symbol.asyncDispose]: () => close(),
  })
}

/** Lets calls in until it is closed, and knows when the last of them is over. */
function createGate() {
  let inside = 0
  let closed = false
  const waiting: (() => void)[] = []
  return {
    enter(name: string): () => void {
      if (closed) throw poolClosed(name)
      inside++
      return () => {
        inside--
        if (inside === 0) for (const done of waiting.splice(0)) done()
      }
    },
    drain(): Promise<void> {
      closed = true
      return inside === 0 ? Promise.resolve() : new Promise((resolve) => waiting.push(resolve))
    },
  }
}
