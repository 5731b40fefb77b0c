import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { CheckedHeader } from '../codec/entry-header.js'
import { keyDigestOf } from '../codec/entry-header.js'
import { decodeHeader } from '../codec/header-reader.js'
import { headOf } from '../stores/file-entry.js'

/** A file of a folder, by what its first line says. */
export interface EntryFile {
  readonly path: string
  readonly bytes: number
  /** As the file tells it, where the name of the file agrees. */
  readonly key: string | undefined
  /** Wall clock, ms; `Infinity` for a file that no lifetime ends. */
  readonly goneAtMs: number
  readonly header: CheckedHeader | { readonly ok: false; readonly reason: string }
}

const NAME = /^([0-9a-f]{32})\.entry$/
const LINE_END = 10
const FIRST_BYTES = 16 * 1024
/** A request, tags and a header are less together. */
const MOST_LINE = 512 * 1024
const { O_NOFOLLOW = 0, O_NONBLOCK = 0, O_RDONLY } = constants

/** Paths of all files of entries below a directory of namespaces, a directory at a time. Links are not followed. */
export async function* entryPaths(entries: string, directory?: string): AsyncGenerator<readonly string[]> {
  for (const namespace of directory === undefined ? await directoriesIn(entries) : [directory]) {
    for (const shard of await directoriesIn(join(entries, namespace))) {
      const path = join(entries, namespace, shard)
      const names = await readdir(path)
      yield names.filter((name) => NAME.test(name)).map((name) => join(path, name))
    }
  }
}

/** Names of the real directories in a directory; none where there is none. */
export async function directoriesIn(path: string): Promise<string[]> {
  // A link in the place of a directory is none of ours.
  if (!(await lstat(path).catch(() => undefined))?.isDirectory()) return []
  const found = await readdir(path, { withFileTypes: true })
  return found.flatMap((entry) => (entry.isDirectory() ? [entry.name] : [])).sort()
}

/**
 * What a file says of its entry; its body is not read. `undefined` where there is no file.
 *
 * At once: a directory of them through the thread pool takes four times as long, and more open files than a process may have.
 */
export function readEntryFile(path: string): EntryFile | undefined {
  const digest = NAME.exec(path.slice(-'.entry'.length - 32))?.[1]
  const file = digest === undefined ? undefined : opened(path)
  if (file === undefined || digest === undefined) return undefined
  try {
    const stats = fstatSync(file)
    if (!stats.isFile()) return undefined
    const { size } = stats
    let start = Buffer.alloc(0)
    for (let length = FIRST_BYTES; length <= MOST_LINE && !start.includes(LINE_END); length *= 2) {
      if (start.length > 0 && start.length === size) break
      start = Buffer.alloc(Math.min(length, size))
      readSync(file, start, 0, start.length, 0)
    }
    return { path, bytes: size, ...factsIn(start, size, Buffer.from(digest, 'hex')) }
  } finally {
    closeSync(file)
  }
}

function opened(path: string): number | undefined {
  try {
    return openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
  } catch {
    return undefined
  }
}

function factsIn(start: Buffer, size: number, digest: Buffer): Omit<EntryFile, 'path' | 'bytes'> {
  const end = start.indexOf(LINE_END)
  const head = headOf(start)
  const line = end < 0 ? {} : objectIn(start.toString('utf8', 0, end))
  const { key, gone } = line
  const isKey = typeof key === 'string' && keyDigestOf(key).equals(digest)
  const facts = { key: isKey ? key : undefined, goneAtMs: typeof gone === 'number' ? gone : Infinity }
  if (head === undefined) return { ...facts, header: { ok: false, reason: 'foreign' } }
  const header = decodeHeader(head, digest)
  if (!header.ok) return { ...facts, header }
  const isWhole = end + 1 + header.body.bodyBytes === size
  return { ...facts, header: isWhole ? header : { ok: false, reason: 'truncated' } }
}

function objectIn(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}
