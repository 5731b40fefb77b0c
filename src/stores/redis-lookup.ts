import type { RedisArgument } from '../redis/script.js'
import type { StoreKeys } from '../redis/store-keys.js'
import type { Clock } from '../runtime/clock.js'
import { listOf, numberOf, textOf, UnexpectedReply } from './redis-replies.js'
import type { Marker, StampReply } from './shared-store.js'

/** The store's present life and the markers asked for, as one look saw them. */
export interface Lookup extends StampReply {
  /** As entries carry it: without the generation. */
  readonly storedInc: string
  readonly seq: number
  readonly markers: Map<string, Marker>
}

/** Reads the control record and markers by plain commands, which cost the server a fraction of a script. */
export interface Lookups {
  /** The commands of a look at some markers; they belong behind the commands that read the entries. */
  commands(names: readonly string[]): readonly (readonly RedisArgument[])[]
  /** What the replies to `commands` say; `undefined` where there is no control record: a script has to make it. */
  read(names: readonly string[], replies: readonly unknown[], sentAt: number): Lookup | undefined
  /** Another connection may be to a server with another time. */
  reset(): void
}

/** How long the store's time is counted on by our own monotonic clock. */
const TIME_HOLDS_MS = 1000

/** Returns the looks of one store. Its time is taken anew once a second, not with each. */
export function createLookups(keys: StoreKeys, clock: Clock): Lookups {
  let offsetMs = 0
  let timeFrom = -Infinity
  const needsTime = (): boolean => clock.now() - timeFrom > TIME_HOLDS_MS

  return {
    commands(names) {
      const commands: (readonly RedisArgument[])[] = [
        ['HMGET', keys.control, 'inc', 'gen', 'seq'],
        ['MGET', ...names.map((name) => keys.marker(name))],
      ]
      // By the control key's node, so that all times of a store are of one host.
      if (needsTime()) commands.push(['TIME'])
      return commands
    },
    read(names, replies, sentAt) {
      const now = clock.now()
      for (const reply of replies) if (reply instanceof Error) throw reply
      const [inc, gen, seq] = listOf(replies[0])
      if (replies[2] !== undefined) {
        const [seconds, micros] = listOf(replies[2])
        offsetMs = Number(textOf(seconds)) * 1000 + Math.floor(Number(textOf(micros)) / 1000) - (sentAt + now) / 2
        timeFrom = now
      }
      if (inc === null || inc === undefined) return undefined
      const storedInc = textOf(inc)
      const texts = listOf(replies[1])
      const markers = new Map<string, Marker>()
      for (const [index, name] of names.entries()) {
        const marker = markerIn(texts[index], storedInc)
        if (marker !== undefined) markers.set(name, marker)
      }
      return {
        storedInc,
        inc: `${storedInc}.${gen === null ? '0' : textOf(gen)}`,
        seq: numberOf(Number(textOf(seq))),
        nowMs: Math.floor(offsetMs + (sentAt + now) / 2),
        markers,
      }
    },
    reset() {
      timeFrom = -Infinity
    },
  }
}

/** Pure: `inc:hard:soft`. One of another incarnation counts as absent. */
function markerIn(bytes: unknown, inc: string): Marker | undefined {
  if (bytes === null || bytes === undefined) return undefined
  if (!Buffer.isBuffer(bytes)) throw new UnexpectedReply('expected a marker')
  const [of, hard, soft, ...more] = bytes.toString('latin1').split(':')
  if (of !== inc || more.length > 0 || !/^\d{1,16}$/.test(hard ?? '') || !/^\d{1,16}$/.test(soft ?? ''))
    return undefined
  return { hard: Number(hard), soft: Number(soft) }
}
