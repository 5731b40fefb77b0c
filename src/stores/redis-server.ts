import { runIdScript } from '../redis/control-scripts.js'
import { runScript, type SendCommand } from '../redis/script.js'
import type { StoreKeys } from '../redis/store-keys.js'
import { bytesOf, stampOf } from './redis-replies.js'

/**
 * What is done when the store lives another run than before: it was restarted or failed over, and invalidations it had
 * acknowledged in its last moments may be gone. `replay`: this process tells it its own of the last 10 minutes again.
 * `distrust`: everything in it is void. `trust`: nothing.
 */
export type OnStoreRestart = 'replay' | 'distrust' | 'trust'

/** What a server says about itself, as far as it may be asked. */
export interface ServerFacts {
  readonly software: string | undefined
  readonly runId: string | undefined
  /** Incarnation and generation of the store on this connection. */
  readonly life: string | undefined
}

/** Options of {@link prepareServer}. */
export interface PrepareOptions {
  readonly keys: StoreKeys
  readonly policy: OnStoreRestart
  readonly candidate: () => string
  /** The life this process knew before. Another one, whoever noticed first, is what has to be told again. */
  readonly knownLife: string | undefined
  /** Tells the store again what it may have lost. */
  readonly replay: (send: SendCommand) => Promise<void>
}

/**
 * What has to happen on a new connection before any other command: find out whether this is a primary, and which run of
 * it; tell a store that came back what it may have lost.
 *
 * Rejects for a replica (its reads may be old) and for a node of a Cluster.
 */
export async function prepareServer(send: SendCommand, options: PrepareOptions): Promise<ServerFacts> {
  const [server, replication] = await Promise.all([info(send, 'server'), info(send, 'replication')])
  if (replication.get('role') === 'slave') throw new Error('READONLY replica')
  if (server.get('redis_mode') === 'cluster') throw new Error('CLUSTER nodes are not supported')
  const [software, runId] = [softwareOf(server), server.get('run_id')]
  if (runId === undefined || options.policy === 'trust') return { software, runId, life: undefined }
  const { control, log, nothing } = options.keys
  const args = [options.candidate(), runId, options.policy]
  const { inc: life } = stampOf(await runScript(send, runIdScript, [control, log, nothing], args))
  const isAnother = options.knownLife !== undefined && options.knownLife !== life
  if (isAnother && options.policy === 'replay') await options.replay(send)
  return { software, runId, life }
}

async function info(send: SendCommand, section: string): Promise<ReadonlyMap<string, string>> {
  const text = await send(['INFO', section]).then(
    (reply) => bytesOf(reply).toString('latin1'),
    (error) => {
      // Some hosts do not let clients ask. Then nobody notices a restart that kept old data.
      if (error instanceof Error && /^(NOPERM|ERR)\b/.test(error.message)) return ''
      throw error
    },
  )
  return new Map(
    text.split('\r\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]),
  )
}

function softwareOf(server: ReadonlyMap<string, string>): string | undefined {
  const valkey = server.get('valkey_version')
  if (valkey !== undefined) return `valkey ${valkey}`
  const redis = server.get('redis_version')
  return redis === undefined ? undefined : `redis ${redis}`
}
