import type { RedisArgument } from '../redis/script.js'
import type { StoreKeys } from '../redis/store-keys.js'
import type { Clock } from '../runtime/clock.js'
import { listOf, numberOf, textOf, UnexpectedReply } from './redis-replies.js'
import { type KeyRef, type Marker, markerNames, type StampReply } from './shared-store.js'

/** The store's present life and the markers asked for, as one look saw them. */
export interface Lookup extends StampReply {
  /** As entries carry it: without the generation. */
  readonly storedInc: string
  readonly seq: number
  readonly markers: ReadonlyMap<string, Marker>
}

/** Reads the control record and markers by plain commands, which cost the server a fraction of a script. */
export interface Lookups {
  /** The names of the markers that concern whatever is in the namespaces of some requests; for one namespace always the same list. */
  baseOf(requests: readonly Pick<KeyRef, 'namespace'>[]): readonly string[]
  /** The keys of some markers, in the order of their names. */
  keysOf(names: readonly string[]): readonly string[]
  /** What follows the command that reads markers: the control record, and now and then the time. */
  controlCommands(): readonly Command[]
  /**
   * What the markers found, and behind them the replies to `controlCommands`, say; `undefined` where there is no control
   * record: a script has to make it. Looks that saw the same share one `markers`.
   */
  found(
    names: readonly string[],
    markers: readonly unknown[],
    control: readonly unknown[],
    sentAt: number,
  ): Lookup | undefined
  /** The commands of a look at some markers alone. */
  commands(names: readonly string[]): readonly Command[]
  /** What the replies to `commands` say. */
  read(names: readonly string[], replies: readonly unknown[], sentAt: number): Lookup | undefined
  /** Another connection may be to a server with another time. */
  reset(): void
}

type Command = readonly RedisArgument[]

/** How long the store's time is counted on by our own monotonic clock. */
const TIME_HOLDS_MS = 1000
/** How much longer than the quickest the reply may take by which that is done. */
const SLOWER_MS = 50

/**
 * Returns the looks of one store. Its time is taken anew once a second, not with each.
 *
 * Markers come before the control record. What is invalidated in between is missing in the markers, as if they had been read
 * a little earlier, and the number of a load that begins after the look counts it in, as it may: the load is younger.
 */
export function createLookups(keys: StoreKeys, clock: Clock): Lookups {
  let offsetMs = 0
  let timeFrom = -Infinity
  let leastTripMs = Infinity
  let last: Seen | undefined
  const ofOne = new Map<string, readonly string[]>()
  const control = ['HMGET', keys.control, 'inc', 'gen', 'seq']
  const keysOf = (names: readonly string[]): readonly string[] => names.map((name) => keys.marker(name))

  const controlCommands = (): readonly Command[] =>
    // The time by the control key's node, so that all times of a store are of one host.
    clock.now() - timeFrom > TIME_HOLDS_MS ? [control, ['TIME']] : [control]
  const markersIn = (names: readonly string[], texts: readonly string[], inc: string): Map<string, Marker> => {
    if (last?.names === names && last.inc === inc && isSame(last.texts, texts)) return last.markers
    const markers = new Map<string, Marker>()
    for (const [index, name] of names.entries()) {
      const marker = markerIn(texts[index] as string, inc)
      if (marker !== undefined) markers.set(name, marker)
    }
    last = { names, texts, inc, markers }
    return markers
  }
  const found: Lookups['found'] = (names, markers, [record, time], sentAt) => {
    const now = clock.now()
    for (const reply of [record, time]) if (reply instanceof Error) throw reply
    const [inc, gen, seq] = listOf(record)
    let aheadMs = offsetMs
    if (time !== undefined) {
      const [seconds, micros] = listOf(time)
      aheadMs = Number(textOf(seconds)) * 1000 + Math.floor(Number(textOf(micros)) / 1000) - (sentAt + now) / 2
      // A slow reply may be off by half its time: good for this look, whose time that is, and not for quicker ones.
      if (timeFrom === -Infinity || now - sentAt <= leastTripMs + SLOWER_MS) {
        offsetMs = aheadMs
        timeFrom = now
        leastTripMs = Math.min(leastTripMs, now - sentAt)
      }
    }
    if (inc === null || inc === undefined) return undefined
    const storedInc = textOf(inc)
    return {
      storedInc,
      inc: `${storedInc}.${gen === null ? '0' : textOf(gen)}`,
      seq: numberOf(Number(textOf(seq))),
      nowMs: Math.floor(aheadMs + (sentAt + now) / 2),
      markers: markersIn(names, markers.map(markerText), storedInc),
    }
  }

  return {
    baseOf(requests) {
      const namespace = requests[0]?.namespace ?? ''
      for (const request of requests) if (request.namespace !== namespace) return baseOfAll(requests)
      const names = ofOne.get(namespace) ?? markerNames(namespace, [])
      ofOne.set(namespace, names)
      return names
    },
    keysOf,
    controlCommands,
    found,
    commands: (names) => [['MGET', ...keysOf(names)], ...controlCommands()],
    read(names, [markers, ...control], sentAt) {
      if (markers instanceof Error) throw markers
      return found(names, listOf(markers), control, sentAt)
    },
    reset() {
      timeFrom = -Infinity
      leastTripMs = Infinity
    },
  }
}

/** What the last look saw, for the next one: markers change once in a while, and reads come by the thousand. */
interface Seen {
  readonly names: readonly string[]
  readonly texts: readonly string[]
  readonly inc: string
  readonly markers: Map<string, Marker>
}

function baseOfAll(requests: readonly Pick<KeyRef, 'namespace'>[]): readonly string[] {
  return ['*', ...new Set(requests.map(({ namespace }) => `n/${namespace}`))]
}

function isSame(texts: readonly string[], others: readonly string[]): boolean {
  for (let index = 0; index < texts.length; index++) if (texts[index] !== others[index]) return false
  return true
}

/** An absent marker is an empty text, which no marker is. */
function markerText(bytes: unknown): string {
  if (bytes === null || bytes === undefined) return ''
  if (!Buffer.isBuffer(bytes)) throw new UnexpectedReply('expected a marker')
  return bytes.toString('latin1')
}

/** Pure: `inc:hard:soft`. One of another incarnation counts as absent. */
function markerIn(text: string, inc: string): Marker | undefined {
  const [of, hard, soft, ...more] = text.split(':')
  if (of !== inc || more.length > 0 || !/^\d{1,16}$/.test(hard ?? '') || !/^\d{1,16}$/.test(soft ?? ''))
    return undefined
  return { hard: Number(hard), soft: Number(soft) }
}
