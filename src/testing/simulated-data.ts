import type { Clock } from '../runtime/clock.js'
import {
  type BumpReply,
  type ForgetReply,
  type Frame,
  isValid,
  type KeyRef,
  type LeaseReply,
  type LeaseRequest,
  type Marker,
  type Markers,
  markerNames,
  type ReadReply,
  type ReadRequest,
  type ReleaseRequest,
  type SetReply,
  type SetRequest,
  type StampReply,
  type StoredEntry,
  type WriteReply,
  type WriteRequest,
} from '../stores/shared-store.js'
import { subjectIn } from '../stores/subject.js'

/** What a simulated store remembers. */
export interface Data {
  entries: Map<string, { entry: StoredEntry; namespace: string; goneAtMs: number }>
  tokens: Map<string, { token: string; goneAtMs: number }>
  markers: Map<string, Marker & { readonly inc: string }>
  log: Map<string, number> | undefined
  logFloor: number
  control: { inc: string; seq: number } | undefined
}

/** Tells the other processes. */
export type Tell = (frame: Frame) => void

/** The scripts of a simulated store; each runs at one instant, and all of it or nothing. */
export interface Scripts {
  read(request: ReadRequest): ReadReply
  token(key: string, candidate: string, lifeMs: number): string
  write(request: WriteRequest, tell: Tell): WriteReply
  lease(request: LeaseRequest): LeaseReply
  renew(key: string, token: string, lifeMs: number): boolean
  release(request: ReleaseRequest, tell: Tell): boolean
  set(request: SetRequest, tell: Tell): SetReply
  kill(ref: KeyRef, tell: Tell): StampReply
  expire(ref: KeyRef, tell: Tell): StampReply
  forget(subject: string): ForgetReply
  bump(names: readonly string[], mode: 'delete' | 'expire', tell: Tell): BumpReply
  ping(): BumpReply
}

/** What a simulated store holds, and its scripts over it. */
export interface SimulatedData {
  readonly scripts: Scripts
  /** What is held now; to be lost in part. */
  readonly held: Data
  /** Holds something else from now on. */
  replace(data: Data): void
}

/** Returns an empty store's data. */
export function createSimulatedData(clock: Clock): SimulatedData {
  let data = emptyData()
  let incarnations = 0

  const control = (): { inc: string; seq: number } => {
    if (data.control === undefined) {
      data.control = { inc: `inc-${++incarnations}`, seq: 1 }
      data.log = new Map()
      data.logFloor = 1
    }
    if (data.log === undefined) {
      data.log = new Map()
      data.logFloor = data.control.seq
    }
    return data.control
  }
  const liveMarkers = (names: readonly string[], inc: string): Markers => {
    const found = new Map<string, Marker>()
    for (const name of names) {
      const marker = data.markers.get(name)
      if (marker?.inc === inc) found.set(name, { hard: marker.hard, soft: marker.soft })
    }
    return found
  }
  const ensure = (names: readonly string[]): Markers => {
    const { inc } = control()
    for (const name of names) {
      if (data.markers.get(name)?.inc === inc) continue
      const hard = Math.max(data.logFloor, data.log?.get(name) ?? 0)
      data.markers.set(name, { inc, hard, soft: 0 })
    }
    return liveMarkers(names, inc)
  }
  const entryAt = (key: string): StoredEntry | undefined => {
    const found = data.entries.get(key)
    if (found === undefined) return undefined
    if (found.goneAtMs <= clock.now()) data.entries.delete(key)
    return found.goneAtMs <= clock.now() ? undefined : found.entry
  }
  const tokenAt = (key: string): string | undefined => {
    const found = data.tokens.get(key)
    return found === undefined || found.goneAtMs <= clock.now() ? undefined : found.token
  }
  const takeToken = (key: string, candidate: string, lifeMs: number): string => {
    const present = tokenAt(key)
    if (present !== undefined) return present
    data.tokens.set(key, { token: candidate, goneAtMs: clock.now() + lifeMs })
    return candidate
  }
  const stamp = (): StampReply => ({ inc: control().inc, nowMs: clock.now() })

  const scripts: Scripts = {
    token: takeToken,
    ping: () => ({ ...stamp(), seq: control().seq }),
    read(request: ReadRequest): ReadReply {
      const entry = entryAt(request.key)
      const { inc, seq } = control()
      const names = markerNames(request.namespace, entry?.tags ?? [])
      const markers = liveMarkers(names, inc)
      const valid = entry !== undefined && isValid(entry, names, inc, markers)
      const wanted = !valid && request.token !== undefined
      const token = wanted ? takeToken(request.key, request.token as string, request.tokenLifeMs ?? 600_000) : undefined
      const shown = entry !== undefined && entry.id === request.knownId ? { ...entry, body: undefined } : entry
      return { ...stamp(), seq, entry: shown, markers, token }
    },
    lease(request: LeaseRequest): LeaseReply {
      const { key, seen, token, lifeMs } = request
      if (seen !== 'any' && entryAt(key)?.id !== seen.id) return { outcome: 'changed' }
      const present = tokenAt(key)
      if (present !== undefined) {
        const leftMs = (data.tokens.get(key)?.goneAtMs ?? 0) - clock.now()
        return { outcome: 'held', token: present, leftMs }
      }
      data.tokens.set(key, { token, goneAtMs: clock.now() + lifeMs })
      return { outcome: 'yours' }
    },
    renew(key: string, token: string, lifeMs: number): boolean {
      if (tokenAt(key) !== token) return false
      data.tokens.set(key, { token, goneAtMs: clock.now() + lifeMs })
      return true
    },
    release({ key, namespace, digest, token, next }: ReleaseRequest, tell: Tell): boolean {
      if (tokenAt(key) !== token) return false
      data.tokens.delete(key)
      tell({ kind: 'done', namespace, digest, next })
      return true
    },
    write(request: WriteRequest, tell: Tell): WriteReply {
      const names = markerNames(request.namespace, request.entry.tags)
      const markers = ensure(names)
      const base = { ...stamp(), markers }
      if (!isValid(request.entry, names, base.inc, markers)) return { ...base, outcome: 'dead' }
      if (tokenAt(request.key) !== request.token || clock.now() > request.notAfterMs)
        return { ...base, outcome: 'refused' }
      put(request.key, request.namespace, request.entry, request.lifeMs)
      data.tokens.delete(request.key)
      const { namespace, digest, tells } = request
      if (tells === 'done') tell({ kind: 'done', namespace, digest, next: 'lead' })
      if (tells === 'key') tell({ kind: 'key', inc: base.inc, namespace, digest, id: request.entry.id })
      return { ...base, outcome: 'written' }
    },
    set(request: SetRequest, tell: Tell): SetReply {
      const markers = ensure(markerNames(request.namespace, request.entry.tags))
      const { inc, seq } = control()
      if (clock.now() > request.notAfterMs) return { ...stamp(), outcome: 'late', seq, markers }
      put(request.key, request.namespace, { ...request.entry, inc, startSeq: seq }, request.lifeMs)
      data.tokens.delete(request.key)
      tell({ kind: 'key', inc, namespace: request.namespace, digest: request.digest, id: request.entry.id })
      return { ...stamp(), outcome: 'written', seq, markers }
    },
    kill(ref: KeyRef, tell: Tell): StampReply {
      data.entries.delete(ref.key)
      data.tokens.delete(ref.key)
      tell({ kind: 'key', inc: control().inc, namespace: ref.namespace, digest: ref.digest })
      return stamp()
    },
    forget(subject: string): ForgetReply {
      const before = data.entries.size
      for (const [key, { entry }] of data.entries) if (subjectIn(entry.tags) === subject) data.entries.delete(key)
      return { ...stamp(), removed: before - data.entries.size }
    },
    expire(ref: KeyRef, tell: Tell): StampReply {
      const entry = entryAt(ref.key)
      const found = data.entries.get(ref.key)
      if (entry !== undefined && found !== undefined) {
        found.entry = { ...entry, id: `${entry.id}x`, freshUntilMs: Math.min(entry.freshUntilMs, clock.now()) }
      }
      data.tokens.delete(ref.key)
      tell({ kind: 'key', inc: control().inc, namespace: ref.namespace, digest: ref.digest })
      return stamp()
    },
    bump(names: readonly string[], mode: 'delete' | 'expire', tell: Tell): BumpReply {
      const state = control()
      const before = ensure(names)
      const seq = ++state.seq
      for (const name of names) {
        const old = before.get(name) as Marker
        data.markers.set(name, {
          inc: state.inc,
          hard: mode === 'delete' ? seq : old.hard,
          soft: mode === 'expire' ? seq : old.soft,
        })
        data.log?.set(name, seq)
      }
      tell({ kind: 'names', inc: state.inc, seq, names, mode })
      return { ...stamp(), seq }
    },
  }
  const put = (key: string, namespace: string, entry: StoredEntry, lifeMs: number): void => {
    data.entries.set(key, { entry, namespace, goneAtMs: clock.now() + lifeMs })
  }

  return {
    scripts,
    get held() {
      return data
    },
    replace(other) {
      data = other
    },
  }
}

/** The data of a store that lost everything. */
export function emptyData(): Data {
  return { entries: new Map(), tokens: new Map(), markers: new Map(), log: undefined, logFloor: 0, control: undefined }
}

/** A copy that later scripts do not change. */
export function cloneData(data: Data): Data {
  return {
    entries: new Map([...data.entries].map(([key, value]) => [key, { ...value }])),
    tokens: new Map(data.tokens),
    markers: new Map(data.markers),
    log: data.log === undefined ? undefined : new Map(data.log),
    logFloor: data.logFloor,
    control: data.control === undefined ? undefined : { ...data.control },
  }
}
