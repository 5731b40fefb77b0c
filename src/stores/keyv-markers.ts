import { randomBytes } from 'node:crypto'
import type { TextStore } from './keyv-source.js'
import type { Marker, Markers } from './shared-store.js'

/**
 * Markers in a store that cannot count: each is a pair of random ids, hard and soft, that an invalidation replaces.
 *
 * An entry is valid if its markers' hard ids are the same as when it was loaded, and fresh if the soft ones are, too: equality
 * needs no order. The callers think in numbers, so this book gives each id the number under which this process first saw it.
 */
export interface MarkerBook {
  /** The present number. */
  readonly seq: number
  /** Reads markers; their ids, a hard one or that and a soft one, `''` where absent. */
  look(names: readonly string[]): Promise<readonly string[]>
  /** Reads markers, and makes those that are absent as if they had been there at `since`. Soft ones from after it are left out. */
  ensure(names: readonly string[], since: number): Promise<readonly string[]>
  /** A number that the hard halves do not exceed, and the soft halves of `softened` do. */
  startBefore(softened: readonly string[], names: readonly string[]): number
  /** What is known of them. */
  markers(names: readonly string[]): Markers
  /** Replaces ids. Resolves to the number of this invalidation. */
  bump(names: readonly string[], mode: 'delete' | 'expire'): Promise<number>
  /** The store lost its memory. */
  forget(): void
}

interface Known extends Marker {
  readonly hardId: string
  readonly softId: string
}

const LIFE_MS = 91 * 86_400_000
/** Names beyond this are forgotten, the longest unseen first: they are then as new, and what is loaded meanwhile is not kept. */
const MOST_NAMES = 50_000
const ID_LENGTH = 12
const PATTERN = /^([\w-]{12}):([\w-]{0,12})$/

/** Returns the book of one process. */
export function createMarkerBook(texts: TextStore, prefix: string): MarkerBook {
  const known = new Map<string, Known>()
  let seq = 1

  const keep = (name: string, marker: Known): Known => {
    known.delete(name)
    known.set(name, marker)
    if (known.size > MOST_NAMES) known.delete(known.keys().next().value as string)
    return marker
  }
  /** Gives a number to what is there now: the one it had, or the next. */
  const learn = (name: string, text: string | undefined): Known | undefined => {
    const match = PATTERN.exec(text ?? '')
    if (match === null) {
      known.delete(name)
      return undefined
    }
    const [, hardId = '', softId = ''] = match
    const before = known.get(name)
    const hard = before?.hardId === hardId ? before.hard : ++seq
    const soft = softId === '' ? 0 : before?.softId === softId ? before.soft : ++seq
    return keep(name, { hard, soft, hardId, softId })
  }
  const readAll = (names: readonly string[]): Promise<(Known | undefined)[]> =>
    Promise.all(names.map(async (name) => learn(name, await texts.get(prefix + name))))
  const write = (name: string, marker: Known): Promise<void> =>
    texts.set(prefix + name, `${marker.hardId}:${marker.softId}`, LIFE_MS)

  return {
    get seq() {
      return seq
    },
    async look(names) {
      return (await readAll(names)).map((marker) => (marker === undefined ? '' : marker.hardId + marker.softId))
    },
    async ensure(names, since) {
      const found = await readAll(names)
      return Promise.all(
        names.map(async (name, index) => {
          const present = found[index]
          if (present !== undefined) return present.soft > since ? present.hardId : present.hardId + present.softId
          const made = { hard: Math.min(since, seq), soft: 0, hardId: newId(), softId: '' }
          keep(name, made)
          await write(name, made)
          return made.hardId
        }),
      )
    },
    startBefore(softened, names) {
      const start = Math.max(...names.map((name) => known.get(name)?.hard ?? 0))
      for (const name of softened) {
        const marker = known.get(name)
        if (marker !== undefined && marker.soft <= start) keep(name, { ...marker, soft: ++seq })
      }
      return start
    },
    markers(names) {
      const markers = new Map<string, Marker>()
      for (const name of names) {
        const marker = known.get(name)
        if (marker !== undefined) markers.set(name, { hard: marker.hard, soft: marker.soft })
      }
      return markers
    },
    async bump(names, mode) {
      const before = await readAll(names)
      const number = ++seq
      await Promise.all(
        names.map((name, index) => {
          const old = before[index] ?? { hard: 1, soft: 0, hardId: newId(), softId: '' }
          const changed =
            mode === 'delete' ? { ...old, hard: number, hardId: newId() } : { ...old, soft: number, softId: newId() }
          keep(name, changed)
          return write(name, changed)
        }),
      )
      return number
    },
    forget() {
      known.clear()
    },
  }
}

/** Whether nothing hard came between two looks at a marker. */
export function sameHard(one: string, other: string): boolean {
  return one.slice(0, ID_LENGTH) === other.slice(0, ID_LENGTH)
}

function newId(): string {
  return randomBytes((ID_LENGTH * 3) / 4).toString('base64url')
}
