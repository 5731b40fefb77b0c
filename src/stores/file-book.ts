import type { LogLine } from './file-lines.js'
import { type Frame, type Marker, type Markers, markerNames } from './shared-store.js'

/** What the lines of a folder's log come to. Decides nothing by the time at which a line is read. */
export interface FileBook {
  readonly inc: string
  /** Number of the last invalidation. */
  readonly seq: number
  /** How many lines a summary has, tokens aside. */
  readonly size: number
  /** Whether the log that was read has ended. */
  readonly ended: boolean
  /** How many lines of this process were taken. */
  readonly ownLines: number
  /** The number that the last of them had; what others appended behind it may have a higher one already. */
  readonly ownSeq: number
  /** Whether the last token this process wanted to use up was there. */
  readonly wasUsed: boolean
  /** Takes one line; what listeners are to be told of it. */
  take(line: LogLine): Frame | undefined
  /** Every name has a marker: one never invalidated has that of the floor. */
  marker(name: string): Marker
  /** Those of a list of names. */
  markers(names: readonly string[]): Markers
  /** Those that concern every entry of a namespace: the same object until a line is taken. */
  markersOfAll(namespace: string): Markers
  /** The number before which nothing loaded of a key is valid; 0 where that is forgotten. */
  overUntil(file: string): number
  /** Of what ended keys under higher numbers than this, nothing is forgotten. */
  readonly forgottenUntil: number
  token(file: string, nowMs: number): HeldToken | undefined
  /** Lines that say the same, for the beginning of the next log. */
  summary(nowMs: number): LogLine[]
}

/** The token of a key, and until when it is. */
export interface HeldToken {
  readonly token: string
  readonly untilMs: number
}

/** Names beyond this are forgotten, the longest untouched first: what was loaded before their invalidation is then over. */
const MOST_NAMES = 20_000
/** A key that was deleted has no file. This matters to a writer alone that is overtaken between two system calls. */
const MOST_KEYS = 500

/** Returns an empty book; `me` is how this process signs its lines. */
export function createFileBook(me: string): FileBook {
  const markers = new Map<string, Marker>()
  const over = new Map<string, number>()
  const tokens = new Map<string, HeldToken>()
  const ofAll = new Map<string, Markers>()
  let [inc, seq, floor] = ['', 0, 0]
  let [ended, wasUsed] = [false, false]
  let [ownLines, ownSeq] = [0, 0]
  let forgottenUntil = 0

  const raise = (name: string, change: Partial<Marker>): void => {
    const marker = { ...(markers.get(name) ?? { hard: floor, soft: 0 }), ...change }
    markers.delete(name)
    markers.set(name, marker)
    if (markers.size > MOST_NAMES) floor = Math.max(floor, highest(evictFirst(markers)))
  }
  const end = (file: string, number: number): void => {
    over.delete(file)
    over.set(file, number)
    if (over.size > MOST_KEYS) forgottenUntil = Math.max(forgottenUntil, evictFirst(over))
  }
  const begin = (line: LogLine & { kind: 'head' }): void => {
    // Whole logs were missed, and what they forgot with them.
    if (line.seq !== seq) forgottenUntil = line.seq
    for (const map of [markers, over, tokens]) map.clear()
    inc = line.inc
    seq = line.seq
    floor = line.floor
    ended = false
  }
  const takeNames = (line: LogLine & { kind: 'names' }): Frame => {
    seq++
    for (const name of line.names) raise(name, line.mode === 'delete' ? { hard: seq } : { soft: seq })
    return { kind: 'names', inc, seq, names: line.names, mode: line.mode }
  }
  const takeKey = (line: LogLine & { kind: 'key' }): Frame => {
    seq++
    tokens.delete(line.file)
    if (line.over) end(line.file, seq)
    return { kind: 'key', inc, namespace: line.namespace, digest: line.digest }
  }
  const takeFree = ({ file, token, namespace, digest, next }: LogLine & { kind: 'free' }): Frame => {
    if (tokens.get(file)?.token === token) tokens.delete(file)
    return { kind: 'done', namespace, digest, next }
  }
  const frameOf = (line: LogLine): Frame | undefined => {
    if (line.kind === 'names') return takeNames(line)
    if (line.kind === 'key') return takeKey(line)
    return line.kind === 'free' ? takeFree(line) : takeOther(line)
  }
  const takeOther = (line: LogLine): undefined => {
    switch (line.kind) {
      case 'take': {
        const held = tokens.get(line.file)
        if (held === undefined || held.untilMs <= line.nowMs) tokens.set(line.file, line)
        return
      }
      case 'use': {
        const held = tokens.get(line.file)
        const isThere = held?.token === line.token && held.untilMs > line.nowMs
        if (isThere) tokens.delete(line.file)
        if (line.sender === me) wasUsed = isThere
        return
      }
      case 'hold':
        if (tokens.get(line.file)?.token === line.token) tokens.set(line.file, line)
        return
      case 'leap':
        seq = Math.max(seq + 1, line.seq)
        return
      case 'marker':
        raise(line.name, { hard: line.hard, soft: line.soft })
        return
      case 'over':
        end(line.file, line.seq)
        return
      case 'end':
        ended = true
    }
  }

  const marker = (name: string): Marker => markers.get(name) ?? { hard: floor, soft: 0 }
  const markersOf = (names: readonly string[]): Markers => new Map(names.map((name) => [name, marker(name)]))

  return {
    get inc() {
      return inc
    },
    get seq() {
      return seq
    },
    get size() {
      return markers.size + over.size
    },
    get ended() {
      return ended
    },
    get ownLines() {
      return ownLines
    },
    get ownSeq() {
      return ownSeq
    },
    get wasUsed() {
      return wasUsed
    },
    take(line) {
      ofAll.clear()
      if (line.kind === 'head') return void begin(line)
      if (ended) return undefined
      const isOwn = 'sender' in line && line.sender === me
      if (isOwn) ownLines++
      const frame = frameOf(line)
      // An end has no number: what others appended before it is not ours.
      if (isOwn && line.kind !== 'end') ownSeq = seq
      return isOwn ? undefined : frame
    },
    marker,
    markers: markersOf,
    markersOfAll(namespace) {
      const known = ofAll.get(namespace) ?? markersOf(markerNames(namespace, []))
      ofAll.set(namespace, known)
      return known
    },
    overUntil: (file) => over.get(file) ?? 0,
    get forgottenUntil() {
      return forgottenUntil
    },
    token(file, nowMs) {
      const held = tokens.get(file)
      return held !== undefined && held.untilMs > nowMs ? held : undefined
    },
    summary(nowMs) {
      const lines: LogLine[] = [{ kind: 'head', inc, seq, floor }]
      for (const [name, { hard, soft }] of markers) lines.push({ kind: 'marker', name, hard, soft })
      for (const [file, number] of over) lines.push({ kind: 'over', file, seq: number })
      for (const [file, { token, untilMs }] of tokens) {
        if (untilMs > nowMs) lines.push({ kind: 'take', sender: 'summary', file, token, nowMs, untilMs })
      }
      return lines
    },
  }
}

function evictFirst<T>(map: Map<string, T>): T {
  const [key, value] = map.entries().next().value as [string, T]
  map.delete(key)
  return value
}

function highest({ hard, soft }: Marker): number {
  return Math.max(hard, soft)
}
