import { codeOf } from './file-disk.js'
import { fileNameOf } from './file-entry.js'
import { type FileSite, FULL, fileOf, foundIn, placeOf } from './file-site.js'
import type { KeyRef, LeaseReply, LeaseRequest, ReleaseRequest } from './shared-store.js'

/** The present token of a key, else this one. */
export function takeToken(site: FileSite, key: string, candidate: string, lifeMs: number): string {
  site.log.catchUp()
  return heldToken(site, fileNameOf(key), candidate, lifeMs)
}

/** The token of a key for one loader alone, of all processes. */
export async function leaseFile(site: FileSite, request: LeaseRequest): Promise<LeaseReply> {
  const { log, clock, me } = site
  const { seen, token, lifeMs } = request
  const at = placeOf(site, request)
  if (seen !== 'any') {
    const reading = site.disk.read(at.shard, at.name)
    const found = foundIn(site, at, reading instanceof Promise ? await reading : reading)
    log.catchUp()
    const id = found !== undefined && found.startSeq >= log.book.overUntil(at.file) ? found.id : undefined
    if (id !== seen.id) return { outcome: 'changed' }
  }
  const nowMs = Math.floor(clock.wall())
  log.append({ kind: 'take', sender: me, file: at.file, token, nowMs, untilMs: nowMs + Math.ceil(lifeMs) })
  const held = log.book.token(at.file, nowMs)
  if (held === undefined || held.token === token) return { outcome: 'yours' }
  return { outcome: 'held', token: held.token, leftMs: held.untilMs - nowMs }
}

export function renewFile(site: FileSite, key: string, token: string, lifeMs: number): boolean {
  const { log, clock, me } = site
  const file = fileNameOf(key)
  log.catchUp()
  const nowMs = Math.floor(clock.wall())
  if (log.book.token(file, nowMs)?.token !== token) return false
  log.append({ kind: 'hold', sender: me, file, token, nowMs, untilMs: nowMs + Math.ceil(lifeMs) })
  return log.book.token(file, nowMs)?.token === token
}

export function releaseFile(site: FileSite, request: ReleaseRequest): boolean {
  site.log.catchUp()
  const held = site.log.book.token(fileOf(site, request), Math.floor(site.clock.wall()))
  if (held?.token !== request.token) return false
  free(site, request, request.next)
  return true
}

/** The token of a key that a load needs, whether it can be written down or not. */
export function heldToken(site: FileSite, file: string, candidate: string, lifeMs: number): string {
  const { log, clock, me } = site
  const nowMs = Math.floor(clock.wall())
  const present = log.book.token(file, nowMs)
  if (present !== undefined) return present.token
  try {
    log.append({ kind: 'take', sender: me, file, token: candidate, nowMs, untilMs: nowMs + Math.ceil(lifeMs) })
  } catch (error) {
    if (!FULL.has(codeOf(error))) throw error
    // The load has to run all the same; its write will say that nothing can be written.
    site.trouble(error)
  }
  return log.book.token(file, nowMs)?.token ?? candidate
}

/** Gives a token back, and tells who waits for it. */
export function free(site: FileSite, ref: KeyRef & { readonly token: string }, next: 'lead' | 'alone'): void {
  const { namespace, digest, token } = ref
  site.log.append({ kind: 'free', sender: site.me, file: fileOf(site, ref), token, namespace, digest, next })
}
