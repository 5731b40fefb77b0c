import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  lstatSync,
  mkdirSync,
  openSync,
  read,
  readSync,
  renameSync,
  unlinkSync,
  writevSync,
} from 'node:fs'
import { open } from 'node:fs/promises'
import { dirname, join, sep } from 'node:path'
import { viewOf } from '../codec/buffer-reads.js'

/** Files of one folder: read whole, written whole. No symbolic link is followed below the folder, nor the folder if it is one. */
export interface Disk {
  readonly root: string
  /** The directory of all entries. */
  readonly entries: string
  /**
   * The bytes of a file, at once where they are few; they are the caller's. `undefined` where there is no regular file that
   * may be read. Throws where that cannot be told.
   */
  read(directory: string, name: string): Buffer | Promise<Buffer | undefined> | undefined
  /**
   * Writes a small file where it belongs, over what is there: for a file that nobody may read any more, because making
   * and removing one costs ten times as much. `false` where that is no file of its own; then nothing was written.
   */
  overwrite(directory: string, name: string, chunks: readonly Uint8Array[]): boolean
  /** Writes into the directory of the file, under another name. What comes back puts it in its place, or takes it away again. */
  write(directory: string, chunks: readonly Uint8Array[]): Draft | Promise<Draft>
  remove(path: string): void
  /** The folder was taken away: what is known of its directories is void. */
  forget(): void
  /** Whether there is a directory. Throws for a symbolic link, or a file. */
  isThere(path: string): boolean
  /** Makes a directory of the folder, and sees to it that it is one. */
  directory(path: string): void
}

/** A file that is written, and is nowhere yet. */
export interface Draft {
  /** Puts it in the place of a name in its directory; who took it away meanwhile might as well have done so a moment later. */
  publish(name: string): void
  discard(): void
}

/** Read and written at once up to here: through the thread pool small files cost thirty times as much. */
export const SYNC_BYTES = 64 * 1024
/** Of memory that small files are read into one behind the other: a piece for each costs more than reading it. */
const ROOM_BYTES = 8 * SYNC_BYTES
/** Larger than any entry may be. */
const MOST_BYTES = 128 * 1024 * 1024
const { O_CREAT, O_EXCL, O_RDONLY, O_WRONLY } = constants
// Without these two (Windows) links need rights that few have.
const SAFE = (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0)
/** In the way of a file: a link, a directory, a pipe nobody reads, what may not be written. */
const ODD = new Set(['ELOOP', 'EISDIR', 'ENXIO', 'EACCES', 'EPERM'])
/** Of the machine, not of the file: no miss. */
const TROUBLES = new Set(['EIO', 'EMFILE', 'ENFILE', 'ENOMEM', 'EBADF', 'ESTALE'])

/** Returns the files of a folder. Nothing is opened yet; `me` keeps drafts of several processes apart. */
export function createDisk(root: string, me: string): Disk {
  const room = createRoom()
  const known = new Set<string>()
  let count = 0

  const isOwn = (path: string): boolean => {
    if (known.has(path)) return true
    const stats = lstatSync(path, { throwIfNoEntry: false })
    if (stats === undefined) return false
    if (!stats.isDirectory()) {
      const what = stats.isSymbolicLink() ? 'a symbolic link' : 'not a directory'
      throw new Error(`The folder of the store cannot be used: ${path} is ${what}. Remove it, or use another folder.`)
    }
    known.add(path)
    return true
  }
  const directory = (path: string): void => {
    if (isOwn(path)) return
    const isRoot = path === root
    if (!isRoot) directory(dirname(path))
    try {
      mkdirSync(path, { recursive: isRoot, mode: 0o700 })
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error
    }
    isOwn(path)
  }
  /** Directories that were known may have been removed meanwhile. */
  const again = <T>(work: () => T): T => {
    try {
      return work()
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error
      known.clear()
      return work()
    }
  }
  const draftAt = (shard: string, path: string): Draft => ({
    publish(name) {
      try {
        renameSync(path, shard + sep + name)
      } catch (error) {
        if (codeOf(error) !== 'ENOENT') throw error
      }
    },
    discard: () => remove(path),
  })
  const remove = (path: string): void => {
    try {
      unlinkSync(path)
    } catch (error) {
      if (codeOf(error) !== 'ENOENT' && codeOf(error) !== 'ENOTDIR') throw error
    }
  }

  return {
    root,
    entries: join(root, 'entries'),
    directory,
    remove,
    isThere: isOwn,
    forget: () => known.clear(),
    read(shard, name) {
      if (!isOwnShard(shard)) return undefined
      let file: number
      try {
        file = openSync(shard + sep + name, O_RDONLY | SAFE)
      } catch (error) {
        if (TROUBLES.has(codeOf(error))) throw error
        return undefined
      }
      return readOpen(file, room)
    },
    overwrite(shard, name, chunks) {
      const bytes = lengthOf(chunks)
      if (bytes > SYNC_BYTES) return false
      return again(() => {
        directory(shard)
        return writeOver(shard + sep + name, chunks, bytes)
      })
    },
    write(shard, chunks) {
      // In its own directory: a rename from one to another costs twice as much as all the rest.
      const path = `${shard}${sep}draft-${me}-${++count}`
      const bytes = lengthOf(chunks)
      try {
        if (bytes > SYNC_BYTES) {
          again(() => directory(shard))
          return writeLarge(path, chunks).then(() => draftAt(shard, path))
        }
        again(() => {
          directory(shard)
          writeSmall(path, chunks, bytes)
        })
      } catch (error) {
        tryTo(() => remove(path))
        throw error
      }
      return draftAt(shard, path)
    },
  }

  // A planted link to another directory is no part of the folder; what lies behind it is not there.
  function isOwnShard(shard: string): boolean {
    if (known.has(shard)) return true
    try {
      return isOwn(root) && isOwn(dirname(shard)) && isOwn(shard)
    } catch {
      return false
    }
  }
}

/** The code of an error of the system, `''` of any other. */
export function codeOf(error: unknown): string {
  return String((error as { code?: unknown } | undefined)?.code ?? '')
}

/** Runs what may fail without harm. */
export function tryTo(work: () => void): void {
  try {
    work()
  } catch {
    // Whoever comes next finds it again.
  }
}

/** Memory for small files. What was read is never written over, so it lives as long as somebody has it. */
interface Room {
  /** The bytes of a file; `undefined` where they are too many. */
  read(file: number): Buffer | undefined
}

function createRoom(): Room {
  let bytes = Buffer.alloc(0)
  let at = 0
  return {
    read(file) {
      if (bytes.length - at <= SYNC_BYTES) {
        bytes = Buffer.allocUnsafeSlow(ROOM_BYTES)
        at = 0
      }
      const length = readSync(file, bytes, at, SYNC_BYTES + 1, null)
      if (length > SYNC_BYTES) return undefined
      const start = at
      at += length
      return viewOf(bytes, start, at)
    },
  }
}

function readOpen(file: number, room: Room): Buffer | Promise<Buffer | undefined> | undefined {
  let isLarge = false
  try {
    const small = room.read(file)
    if (small !== undefined) return small
    isLarge = true
    return readLarge(file).finally(() => closeSync(file))
  } catch (error) {
    // A directory, a pipe.
    if (TROUBLES.has(codeOf(error))) throw error
    return undefined
  } finally {
    if (!isLarge) closeSync(file)
  }
}

async function readLarge(file: number): Promise<Buffer | undefined> {
  const { size } = fstatSync(file)
  if (size > MOST_BYTES) return undefined
  const bytes = Buffer.allocUnsafeSlow(size)
  let at = 0
  while (at < size) {
    const done = await new Promise<number>((resolve, reject) => {
      read(file, bytes, at, size - at, at, (error, count) => (error ? reject(error) : resolve(count)))
    })
    if (done === 0) break
    at += done
  }
  return bytes.subarray(0, at)
}

function writeSmall(path: string, chunks: readonly Uint8Array[], bytes: number): void {
  const file = openSync(path, O_WRONLY | O_CREAT | O_EXCL | SAFE, 0o600)
  try {
    writeAll(file, chunks, bytes)
  } finally {
    closeSync(file)
  }
}

function writeOver(path: string, chunks: readonly Uint8Array[], bytes: number): boolean {
  let file: number
  try {
    file = openSync(path, O_WRONLY | O_CREAT | SAFE, 0o600)
  } catch (error) {
    if (ODD.has(codeOf(error))) return false
    throw error
  }
  try {
    const stats = fstatSync(file)
    // Who has copied the folder by links keeps his copy.
    if (!stats.isFile() || stats.nlink !== 1) return false
    writeAll(file, chunks, bytes)
    if (stats.size > bytes) ftruncateSync(file, bytes)
    return true
  } finally {
    closeSync(file)
  }
}

function writeAll(file: number, chunks: readonly Uint8Array[], bytes: number): void {
  if (writevSync(file, chunks as Uint8Array[], 0) === bytes) return
  throw Object.assign(new Error('The disk took a part of the file'), { code: 'ENOSPC' })
}

function lengthOf(chunks: readonly Uint8Array[]): number {
  return chunks.reduce((sum, chunk) => sum + chunk.length, 0)
}

async function writeLarge(path: string, chunks: readonly Uint8Array[]): Promise<void> {
  const file = await open(path, O_WRONLY | O_CREAT | O_EXCL | SAFE, 0o600)
  try {
    for (const chunk of chunks) await file.writeFile(chunk)
  } catch (error) {
    tryTo(() => unlinkSync(path))
    throw error
  } finally {
    await file.close()
  }
}
