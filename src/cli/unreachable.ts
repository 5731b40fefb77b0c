import { createConnection } from '../redis/connection.js'
import type { NodeRedisOptions } from '../redis/node-redis.js'
import { resolveSource } from '../redis/redis-source.js'
import { optionsOf } from '../redis/redis-url.js'
import type { Clock } from '../runtime/clock.js'
import type { Call } from './command.js'
import { modeOf, primariesOf } from './server-mode.js'

/** What keeps a Redis from being used: what is wrong, and what to change. No credential is in it. */
export interface Why {
  readonly wrong: string
  readonly change: string
}

/** It cannot be used. */
export class Unreachable extends Error implements Why {
  override readonly name = 'Unreachable'
  readonly address: string
  readonly wrong: string
  readonly change: string

  constructor(address: string, { wrong, change }: Why) {
    super(`${address} cannot be used: ${wrong}`)
    this.address = address
    this.wrong = wrong
    this.change = change
  }
}

/** What one word of an error comes from, where another look at the server tells more than the word. Sends no credential. */
export async function whyUnreachable(
  { values, clock }: Pick<Call, 'values' | 'clock'>,
  url: string,
  word: string,
): Promise<Why> {
  const { socket = {}, database = 0 } = optionsOf(url, 'store')
  const { host, port, tls } = socket as { readonly host: string; readonly port: number; readonly tls?: boolean }
  const { sentinel } = values
  const here = await look(socket, clock)
  if (sentinel !== undefined && here.mode !== undefined) {
    const why = whyNotBySentinel(sentinel, here, word)
    if (why !== undefined) return why
  }
  if (database > 0 && here.mode === 'cluster')
    return { wrong: `it is a Cluster, and has no database ${database}`, change: 'Leave the number out of the URL.' }
  if (database > 0 && word === 'ERR') {
    return {
      wrong: `${sentinel === undefined ? 'it' : 'the primary'} has no database ${database}`,
      change:
        'Correct the number at the end of the URL: there are 0 to 15, unless `databases` of the server says more.',
    }
  }
  if (!here.speaks && (await look({ host, port, ...(tls === true ? {} : UNCHECKED) }, clock)).speaks) {
    return tls === true
      ? {
          wrong: `it does not speak TLS (${word})`,
          change: 'Use redis:// instead of rediss://, or the port on which it does.',
        }
      : { wrong: `it speaks TLS (${word})`, change: 'Use rediss:// instead of redis://.' }
  }
  return { wrong: word, change: changeFor(word) }
}

/** Pure: what to change, by a word of an error alone. */
export function changeFor(word: string): string {
  const known = REASONS.find(([pattern]) => pattern.test(word))?.[1]
  return known ?? 'Look at host, port, rediss:// or redis://, user and password.'
}

const REASONS: readonly (readonly [RegExp, string])[] = [
  [/ECONNREFUSED/, 'Nothing listens there: start the server, or correct host and port.'],
  [/ENOTFOUND|EAI_AGAIN/, 'The name of the host is not known here: correct it, or the DNS.'],
  [/NOAUTH/, 'The server wants a password: put it into the URL, redis://user:password@host.'],
  [/WRONGPASS/, 'User or password are wrong: correct the URL; percent-encode special characters.'],
  [/NOPERM/, 'The user may not even PING: allow +@connection.'],
  [/LOADING/, 'The server is still loading its data: try again in a while.'],
  [
    /CLUSTERDOWN/,
    'Slots of the Cluster have no primary: start those that are down, or assign the slots; redis-cli --cluster check names them.',
  ],
  [/CERT|SSL|TLS|SELF_SIGNED/i, 'The certificate is not trusted: NODE_EXTRA_CA_CERTS names a file with the authority.'],
  [/TIMEOUT|ETIMEDOUT/i, 'No answer: look at firewalls, and at rediss:// where the server wants TLS.'],
]

/** What a server turns out to be on a second look. */
interface Seen {
  /** Whether it answers in the protocol, if only to ask for a password. */
  readonly speaks: boolean
  readonly mode: string | undefined
  readonly primaries: readonly string[]
}

/** Only whether it speaks counts, and nothing of ours is told it: no certificate has to be right. */
const UNCHECKED = { tls: true, rejectUnauthorized: false } as const
const ASKS = /^(NOAUTH|WRONGPASS|NOPERM|LOADING)$/

async function look(socket: object, clock: Clock): Promise<Seen> {
  const source = resolveSource({ socket } as NodeRedisOptions, 'store')
  const connection = createConnection({ source, clock, prepare: async (send) => void (await send(['PING'])) })
  connection.start()
  await connection.firstAttempt()
  try {
    const { state, lastError = '', send } = connection
    if (state !== 'ready') return { speaks: ASKS.test(lastError), mode: undefined, primaries: [] }
    const mode = await modeOf(send)
    return { speaks: true, mode, primaries: mode === 'sentinel' ? await primariesOf(send) : [] }
  } finally {
    await connection.close()
  }
}

/** What is wrong between a Sentinel and the primary it tells of; `undefined` where the URL is to blame. */
function whyNotBySentinel(name: string, { mode, primaries }: Seen, word: string): Why | undefined {
  if (mode !== 'sentinel')
    return { wrong: 'it is a Redis, and no Sentinel', change: 'Leave out --sentinel, or give the URL of a Sentinel.' }
  if (!primaries.includes(name)) {
    const known = primaries.length === 0 ? 'It knows none.' : `It knows ${primaries.join(', ')}.`
    return { wrong: `the Sentinel knows no primary called '${name}'`, change: `Correct --sentinel. ${known}` }
  }
  if (!/^E[A-Z]+$|Timeout/.test(word) || word === 'ERR') return undefined
  return {
    wrong: `the primary that the Sentinel tells of does not answer (${word})`,
    change:
      'Its address, as the Sentinels have it, must be reachable from here: redis-cli SENTINEL GET-MASTER-ADDR-BY-NAME tells it.',
  }
}
