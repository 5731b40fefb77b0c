import { createHash } from 'node:crypto'

/** A Lua script and the name the server knows it by. */
export interface Script {
  readonly source: string
  readonly sha: string
}

/** What one argument of a command may be. */
export type RedisArgument = string | Buffer

/** Sends one command. */
export type SendCommand = (args: readonly RedisArgument[]) => Promise<unknown>

/** Makes a script of its source. */
export function defineScript(source: string): Script {
  const trimmed = source.trim()
  return Object.freeze({ source: trimmed, sha: createHash('sha1').update(trimmed).digest('hex') })
}

/**
 * Runs a script by its name, and with its source where the server does not know it (a new server, SCRIPT FLUSH): at most
 * one more round trip, once per server.
 */
export async function runScript(
  send: SendCommand,
  script: Script,
  keys: readonly string[],
  args: readonly RedisArgument[],
): Promise<unknown> {
  const rest = [String(keys.length), ...keys, ...args]
  try {
    return await send(['EVALSHA', script.sha, ...rest])
  } catch (error) {
    if (!isNoScript(error)) throw error
    return send(['EVAL', script.source, ...rest])
  }
}

function isNoScript(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('NOSCRIPT')
}
