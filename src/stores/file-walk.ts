import { lstat } from 'node:fs/promises'
import { join } from 'node:path'
import { KEY_DIGEST_BYTES } from '../codec/entry-header.js'
import { AT } from '../codec/header-layout.js'
import { decodeHeader } from '../codec/header-reader.js'
import type { Disk } from './file-disk.js'
import { headOf, requestIn } from './file-entry.js'
import { isDraft, namesIn, shardsOf } from './file-sweep.js'
import { subjectIn } from './subject.js'

/** A recorded request. */
export interface RecordedRequest {
  /** Path of its file, below the folder. */
  readonly file: string
  /** What was asked: what its text said, where that was JSON, else the text. */
  readonly request: unknown
}

const NAME = /^([0-9a-f]{32})\.entry$/

/** Forgets subjects of a folder. Who asks during a walk waits for the next one, which is one for all who wait. */
export function createForgetting(disk: Disk): (subject: string) => Promise<number> {
  let last: Promise<unknown> = Promise.resolve()
  let next: { readonly subjects: Set<string>; readonly removed: Promise<ReadonlyMap<string, number>> } | undefined
  const begin = (): NonNullable<typeof next> => {
    const subjects = new Set<string>()
    const removed = last.then(() => {
      next = undefined
      return forgetSubjects(disk, subjects)
    })
    last = removed.catch(() => {})
    return { subjects, removed }
  }
  return async (subject) => {
    next ??= begin()
    next.subjects.add(subject)
    return (await next.removed).get(subject) ?? 0
  }
}

/**
 * Removes the file of every entry about one of the subjects, valid or not, and what may be about them: files that are torn or
 * cannot be read, and those that writers left which were killed. Rejects where a directory cannot be read. Resolves to how many
 * entries about each there were.
 */
export async function forgetSubjects(disk: Disk, subjects: ReadonlySet<string>): Promise<ReadonlyMap<string, number>> {
  const removed = new Map<string, number>()
  for await (const shard of shardsOf(disk)) {
    for (const name of await namesIn(shard)) {
      const path = join(shard, name)
      const isEntry = NAME.test(name)
      if (!isEntry && !isDraft(path)) continue
      const bytes = await disk.read(shard, name)
      const about = bytes && subjectOf(bytes)
      if (about !== undefined && !subjects.has(about)) continue
      if (bytes === undefined && !(await isFile(path))) continue
      disk.remove(path)
      if (isEntry && about !== undefined) removed.set(about, (removed.get(about) ?? 0) + 1)
    }
  }
  return removed
}

// What is no file is a link, or has no bytes of its own.
async function isFile(path: string): Promise<boolean> {
  return (await lstat(path).catch(() => undefined))?.isFile() === true
}

/** Whom the entry in a file is about: `''` for nobody, `undefined` where the file does not say. */
function subjectOf(bytes: Buffer): string | undefined {
  const head = headOf(bytes)
  if (head === undefined || head.length < AT.keyDigest + KEY_DIGEST_BYTES) return undefined
  const decoded = decodeHeader(head, head.subarray(AT.keyDigest, AT.keyDigest + KEY_DIGEST_BYTES))
  return decoded.ok ? (subjectIn(decoded.header.tags) ?? '') : undefined
}

/** The requests recorded in a directory of entries. */
export async function* eachRequest(disk: Disk, directory: string): AsyncGenerator<RecordedRequest> {
  for (const shard of await namesIn(directory)) {
    for (const name of await namesIn(join(directory, shard))) {
      const bytes = NAME.test(name) ? await disk.read(join(directory, shard), name) : undefined
      const request = bytes && requestIn(bytes)
      if (request !== undefined) yield { file: join(directory, shard, name).slice(disk.root.length + 1), request }
    }
  }
}
