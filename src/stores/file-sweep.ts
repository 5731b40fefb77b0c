import { utimesSync } from 'node:fs'
import { lstat, readdir, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { Clock } from '../runtime/clock.js'
import { codeOf, type Disk, tryTo } from './file-disk.js'

/** Keeps a folder below its bound. The time of a file is that of its last use. */
export interface Sweep {
  /** So many bytes were written: from time to time that begins a sweep. */
  wrote(bytes: number): void
  /** An entry was of use now, by the wall clock. */
  used(at: { readonly shard: string; readonly name: string }, storedAtMs: number, nowMs: number): void
  run(): Promise<void>
  close(): Promise<void>
}

interface SweepOptions {
  readonly disk: Disk
  readonly clock: Clock
  readonly maxBytes: number
  readonly readOnly: boolean
}

const HOUR_MS = 3_600_000
/** A process that does not know yet how full the folder is finds out at one write in so many: a script writes a few. */
const ONE_IN = 1000
/** Whoever knows looks again after such a part of the bound: others write, too. */
const PART = 16
/** How far below its bound a folder is brought, so that the next write does not begin it again. */
const LEAVES = 0.9
const MOST_TOUCHED = 50_000
/** A sweep that was begun may take so long when the store is closed: who writes in one go gives it no turn before. */
const CLOSING_MS = 2000
/** What a file takes beside its bytes. */
const FILE_BYTES = 512

interface Found {
  readonly path: string
  readonly bytes: number
  readonly usedAtMs: number
}

/** Returns the sweep of a folder. It runs beside other work, and keeps no process alive that has nothing else to do. */
export function createSweep(options: SweepOptions): Sweep {
  const { disk, clock, maxBytes, readOnly } = options
  const touched = new Set<string>()
  let touchedAt = clock.now()
  let written = 0
  let running: Promise<void> = Promise.resolve()
  let untilMs = Infinity
  let waiting = 0
  let isKnown = false

  const isMuch = (): boolean => written * PART >= maxBytes
  const run = (): Promise<void> => {
    // One after the other; what fails is of no consequence to anybody but the next.
    waiting++
    running = running
      .then(() => sweep(disk, maxBytes, clock.wall(), () => clock.now() > untilMs))
      .catch(() => undefined)
      .finally(() => waiting--)
    return running
  }

  return {
    run,
    wrote(bytes) {
      written += bytes + FILE_BYTES
      const isDue = isMuch() || (!isKnown && clock.random() * ONE_IN < 1)
      if (!isDue || waiting > 0) return
      isKnown = true
      written = 0
      void run()
    },
    used({ shard, name }, storedAtMs, nowMs) {
      if (readOnly || nowMs - storedAtMs < HOUR_MS) return
      if (clock.now() - touchedAt > HOUR_MS || touched.size >= MOST_TOUCHED) {
        touched.clear()
        touchedAt = clock.now()
      }
      const path = join(shard, name)
      if (touched.has(path)) return
      touched.add(path)
      const seconds = nowMs / 1000
      tryTo(() => utimesSync(path, seconds, seconds))
    },
    async close() {
      untilMs = clock.now() + CLOSING_MS
      await running
      // It has not seen what was written while it ran.
      if (isMuch()) await run()
    },
  }
}

async function sweep(disk: Disk, maxBytes: number, nowMs: number, isLate: () => boolean): Promise<void> {
  const entries: Found[] = []
  let bytes = 0
  const drafts: Found[] = []
  for await (const path of shardsOf(disk, readableIn)) {
    if (isLate()) return
    for (const found of await filesIn(path)) {
      if (isDraft(found.path)) drafts.push(found)
      else entries.push(found)
      bytes += found.bytes
    }
  }
  entries.sort((a, b) => a.usedAtMs - b.usedAtMs)
  for (const { path, bytes: less } of bytes > maxBytes ? entries : []) {
    if (bytes <= maxBytes * LEAVES || isLate()) break
    disk.remove(path)
    bytes -= less
  }
  // What writers left that were killed, while they wrote an entry or began a log.
  for (const { path, usedAtMs } of drafts) if (nowMs - usedAtMs > HOUR_MS) disk.remove(path)
  for (const name of await readableIn(disk.root)) {
    const path = join(disk.root, name)
    const begunAtMs = isDraft(path) ? (await lstat(path)).mtimeMs : nowMs
    if (nowMs - begunAtMs > HOUR_MS) await rm(path, { recursive: true, force: true })
  }
}

/** Whether a file is one that its writer has not put in its place. */
export function isDraft(path: string): boolean {
  return basename(path).startsWith('draft-')
}

/** The directories entries are in; `names` lists one. */
export async function* shardsOf(disk: Disk, names = namesIn): AsyncGenerator<string> {
  const top = disk.entries
  for (const namespace of await names(top)) {
    for (const shard of await names(join(top, namespace))) yield join(top, namespace, shard)
  }
}

/**
 * The names in a directory; none where there is no directory of the folder's own. What is known of directories is of no
 * use here: behind a link that took the place of one are the files of somebody else. Rejects where a directory cannot be read.
 */
export async function namesIn(path: string): Promise<string[]> {
  try {
    return (await lstat(path)).isDirectory() ? await readdir(path) : []
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return []
    throw error
  }
}

// What one user may not read, such as what root has made once, must not keep the rest from its bound.
function readableIn(path: string): Promise<string[]> {
  return namesIn(path).catch(() => [])
}

async function filesIn(path: string): Promise<Found[]> {
  const names = await readableIn(path)
  const found = await Promise.all(
    names.map(async (name): Promise<Found[]> => {
      const file = join(path, name)
      const stats = await lstat(file).catch(() => undefined)
      return stats?.isFile() === true ? [{ path: file, bytes: stats.size + FILE_BYTES, usedAtMs: stats.mtimeMs }] : []
    }),
  )
  return found.flat()
}
