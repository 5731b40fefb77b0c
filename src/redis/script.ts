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
 * one more round trip, once per server. An error of a command in the script rejects as that command would have, whatever
 * the version of the server wraps it in.
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
    if (!isNoScript(error)) throw unwrapped(error)
  }
  try {
    return await send(['EVAL', script.source, ...rest])
  } catch (error) {
    throw unwrapped(error)
  }
}

function isNoScript(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('NOSCRIPT')
}

/** Before Redis 7 a command's error comes behind its place in the script. */
const IN_SCRIPT = /@user_script:\s?\d+: (?!@user_script)-?(.+)$/s
/** One about rights comes without its code; from Redis 7 on with that of any error. */
const NO_RIGHTS = /^(?:ERR )?The user executing the script can't /

function unwrapped(error: unknown): unknown {
  if (!(error instanceof Error)) return error
  const inner = IN_SCRIPT.exec(error.message)?.[1]
  const message = inner ?? error.message
  if (NO_RIGHTS.test(message)) return new Error(`NOPERM ${message.replace(/^ERR /, '')}`, { cause: error })
  return inner !== undefined && /^[A-Z]{2,20} /.test(inner) ? new Error(inner, { cause: error }) : error
}
