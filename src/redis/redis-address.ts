import { optionHidden } from '../errors/option-error.js'
import { withoutUndefined } from '../runtime/without-undefined.js'
import type { NodeRedisOptions } from './node-redis.js'
import { optionsOf } from './redis-url.js'

/** What options say of where a server is, and of how safe the way there is. */
export interface RedisAddress {
  readonly host: string
  readonly port: number
  readonly path: string | undefined
  readonly isTls: boolean
  readonly hasPassword: boolean
}

/** Refuses what would be taken for the default place. @throws {OptionError} `ERR_OPTION_INVALID` */
export function checkSocket({ socket }: NodeRedisOptions, option: string): void {
  if (socket === undefined || (typeof socket === 'object' && socket !== null)) return
  const received = socket === null ? 'null' : `a ${typeof socket}`
  throw optionHidden(`${option}.socket`, 'an object such as `{ host, port, tls }` or `{ path }`', received)
}

/** Pure: the address in options of node-redis. @throws {OptionError} `ERR_OPTION_INVALID` for a URL that is none */
export function addressOf(options: NodeRedisOptions, option: string): RedisAddress {
  const given =
    options.url === undefined ? options : { ...optionsOf(options.url, option), ...withoutUndefined(options) }
  const socket = { ...(given.socket as { host?: string; port?: number; path?: string; tls?: unknown } | undefined) }
  const credentials = given as { password?: string; credentialsProvider?: unknown }
  return {
    host: socket.host ?? 'localhost',
    port: socket.port ?? 6379,
    path: socket.path,
    isTls: socket.tls !== undefined && socket.tls !== false,
    hasPassword: Boolean(credentials.password ?? credentials.credentialsProvider),
  }
}
