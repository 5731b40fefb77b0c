import type { SendCommand } from './script.js'

/** What a server says about itself, as far as it may be asked. */
export interface ServerIdentity {
  /** `redis 7.2.5`, `valkey 8.1.0`. */
  readonly software: string | undefined
  /** Another one after each start. */
  readonly runId: string | undefined
  readonly isClusterNode: boolean
}

/** Asks a server who it is. Rejects for a replica: its reads may be old. */
export async function inspectServer(send: SendCommand): Promise<ServerIdentity> {
  const [server, replication] = await Promise.all([info(send, 'server'), info(send, 'replication')])
  if (replication.get('role') === 'slave') throw new Error('READONLY replica')
  return {
    software: softwareOf(server),
    runId: server.get('run_id'),
    isClusterNode: server.get('redis_mode') === 'cluster' || server.get('server_mode') === 'cluster',
  }
}

async function info(send: SendCommand, section: string): Promise<ReadonlyMap<string, string>> {
  const text = await send(['INFO', section]).then(String, (error) => {
    // Some hosts do not let clients ask. Then nobody notices a restart that kept old data.
    if (error instanceof Error && /^(NOPERM|ERR)\b/.test(error.message)) return ''
    throw error
  })
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
