import { join } from 'node:path'
import { decodeHeader } from '../codec/header-reader.js'
import type { Disk } from './file-disk.js'
import { headOf, requestIn } from './file-entry.js'
import { namesIn, shardsOf } from './file-sweep.js'
import { subjectIn } from './subject.js'

/** A recorded request. */
export interface RecordedRequest {
  /** Path of its file, below the folder. */
  readonly file: string
  /** What was asked: what its text said, where that was JSON, else the text. */
  readonly request: unknown
}

const NAME = /^([0-9a-f]{32})\.entry$/

/** Removes the file of every entry about a subject, valid or not. Resolves to how many there were. */
export async function forgetSubject(disk: Disk, subject: string): Promise<number> {
  let removed = 0
  for await (const shard of shardsOf(disk)) {
    for (const name of await namesIn(disk, shard)) {
      const digest = NAME.exec(name)?.[1]
      const bytes = digest === undefined ? undefined : await disk.read(shard, name)
      const head = bytes && headOf(bytes)
      if (digest === undefined || head === undefined) continue
      const decoded = decodeHeader(head, Buffer.from(digest, 'hex'))
      if (!decoded.ok || subjectIn(decoded.header.tags) !== subject) continue
      disk.remove(join(shard, name))
      removed++
    }
  }
  return removed
}

/** The requests recorded in a directory of entries. */
export async function* eachRequest(disk: Disk, directory: string): AsyncGenerator<RecordedRequest> {
  for (const shard of await namesIn(disk, directory)) {
    for (const name of await namesIn(disk, join(directory, shard))) {
      const bytes = NAME.test(name) ? await disk.read(join(directory, shard), name) : undefined
      const request = bytes && requestIn(bytes)
      if (request !== undefined) yield { file: join(directory, shard, name).slice(disk.root.length + 1), request }
    }
  }
}
