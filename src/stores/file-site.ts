import { sep } from 'node:path'
import type { Clock } from '../runtime/clock.js'
import type { Disk } from './file-disk.js'
import { fileNameOf, readFileEntry } from './file-entry.js'
import type { FileLog } from './file-log.js'
import type { Sweep } from './file-sweep.js'
import type { BumpReply, KeyRef, StoredEntry } from './shared-store.js'

/** What the verbs of a folder work on. Every verb runs to its end at once where it can: nothing comes between its steps. */
export interface FileSite {
  readonly disk: Disk
  readonly log: FileLog
  readonly clock: Clock
  readonly sweep: Sweep
  readonly me: string
  /** Paths of the directories of each namespace's entries, by the number that their names are. */
  readonly shards: Map<string, string[]>
  /** Whether entries end with their lifetime. */
  readonly expires: boolean
  readonly scrub: (text: string) => string
  /** Whether the digest of a key is that in the name of its file. */
  readonly digestIsHash: boolean
  /** Told what is wrong with the folder. */
  readonly trouble: (error: unknown) => void
}

/** The disk takes no more, or nothing at all. */
export const FULL = new Set(['ENOSPC', 'EDQUOT', 'EFBIG', 'EROFS', 'EACCES', 'EPERM'])
// Windows knows devices by these names, in every directory.
const SAFE_NAME = /^(?!(?:con|prn|aux|nul|com\d|lpt\d)$)[a-z][\w-]{0,63}$/i
const NEVER = Number.MAX_SAFE_INTEGER
const SHARDS = 256
const [CODE_OF_0, CODE_OF_A] = [48, 97]

/** Where the entries of a namespace are. Names that a file system may read otherwise than we do are replaced by digests. */
export function directoryOf(disk: Disk, namespace: string): string {
  return disk.entries + sep + (SAFE_NAME.test(namespace) ? namespace : `_${fileNameOf(namespace)}`)
}

/** A place in a folder. */
export interface Place {
  /** Digest of the key, in hexadecimal. */
  readonly file: string
  readonly namespace: string
  readonly shard: string
  readonly name: string
}

/** Where the entry of a key is. */
export function placeOf(site: FileSite, ref: KeyRef): Place {
  const file = fileOf(site, ref)
  return { file, namespace: ref.namespace, shard: shardOf(site, ref.namespace, file), name: `${file}.entry` }
}

/** What names the entry of a key, and its lines in the log. */
export function fileOf({ digestIsHash }: FileSite, { key, digest }: KeyRef): string {
  return digestIsHash ? digest : fileNameOf(key)
}

// One text for each: what is known of directories is found by it, and a new one would have to be hashed at every read.
// By number, because so would the digits.
function shardOf({ disk, shards }: FileSite, namespace: string, file: string): string {
  const number = 16 * digitAt(file, 0) + digitAt(file, 1)
  const known = shards.get(namespace)?.[number]
  if (known !== undefined) return known
  const shard = directoryOf(disk, namespace) + sep + file.slice(0, 2)
  const ofNamespace = shards.get(namespace) ?? new Array<string>(SHARDS)
  ofNamespace[number] = shard
  shards.set(namespace, ofNamespace)
  return shard
}

function digitAt(hex: string, at: number): number {
  const code = hex.charCodeAt(at)
  return code < CODE_OF_A ? code - CODE_OF_0 : code - CODE_OF_A + 10
}

/** The path of an entry. */
export function pathOf({ shard, name }: Place): string {
  return shard + sep + name
}

/** The entry in the bytes of a file, as this folder's lifetimes have it. */
export function foundIn(site: FileSite, { file }: Place, bytes: Buffer | undefined): StoredEntry | undefined {
  if (bytes === undefined) return undefined
  const { read, goneAtMs } = readFileEntry({ hex: file }, bytes)
  if ('failure' in read) return undefined
  const { entry } = read
  if (site.expires) return goneAtMs > site.clock.wall() ? entry : undefined
  // Made by somebody who lets entries expire; a fraction says that it was expired by hand.
  if (entry.freshUntilMs !== NEVER && Number.isInteger(entry.freshUntilMs)) return { ...entry, freshUntilMs: NEVER }
  return entry
}

/** The stamp of every reply: the store's time is that of the machine. */
export function stamped(site: FileSite): { readonly inc: string; readonly nowMs: number } {
  return { inc: site.log.book.inc, nowMs: site.clock.wall() }
}

/** The stamp, and the present number. */
export function numbered(site: FileSite): BumpReply {
  return { ...stamped(site), seq: site.log.book.seq }
}

/** The stamp, and the number of the line this process has just appended. */
export function ownNumbered(site: FileSite): BumpReply {
  return { ...stamped(site), seq: site.log.book.ownSeq }
}

/** What an error says. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
