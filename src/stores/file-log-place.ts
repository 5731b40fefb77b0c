import { randomBytes } from 'node:crypto'
import {
  closeSync,
  constants,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import type { FileBook } from './file-book.js'
import { codeOf, type Disk, tryTo } from './file-disk.js'
import { type LogLine, writeLine } from './file-lines.js'

/** A log of a folder, and how far it was read. */
export interface OpenLog {
  readonly number: number
  readonly file: number
  readonly writable: boolean
  at: number
  hasHead: boolean
}

const TRIES = 20
const { O_APPEND, O_NONBLOCK = 0, O_NOFOLLOW = 0, O_RDONLY, O_RDWR } = constants
// A pipe in its place must not be waited for.
const SAFE = O_NOFOLLOW | O_NONBLOCK

/** The newest log there is; else the first, which this process begins. */
export function openNewest(disk: Disk, book: FileBook, readOnly: boolean): OpenLog {
  for (let left = TRIES; left > 0; left--) {
    const number = newestNumber(disk)
    if (number === 0) {
      if (readOnly) return noLog(book)
      disk.forget()
      begin(disk, 1, [newHead()])
      continue
    }
    const opened = openLog(disk, number, readOnly)
    if (opened !== undefined) return opened
    // Whoever ends a log puts the next one there first: where there is none, its lines were removed by hand.
    if (newestNumber(disk) !== number) continue
    if (readOnly) return noLog(book)
    begin(disk, number, [newHead()])
  }
  throw new Error(`The log of the folder could not be opened: it was replaced over and over`)
}

/** Where there is none and none may be made: a life of its own, in which nothing stored is valid. */
function noLog(book: FileBook): OpenLog {
  book.take(newHead())
  return { number: 0, file: -1, writable: false, at: 0, hasHead: true }
}

/** The first line of a life without a past. */
export function newHead(): LogLine {
  return { kind: 'head', inc: randomBytes(12).toString('base64url'), seq: 1, floor: 0 }
}

function openLog(disk: Disk, number: number, readOnly: boolean): OpenLog | undefined {
  if (!disk.isThere(pathOf(disk, number))) return undefined
  const path = join(pathOf(disk, number), 'lines')
  for (const [flags, writable] of [
    [O_RDWR | O_APPEND, true],
    [O_RDONLY, false],
  ] as const) {
    if (readOnly && writable) continue
    try {
      return { number, file: openSync(path, flags | SAFE), writable, at: 0, hasHead: false }
    } catch (error) {
      const code = codeOf(error)
      if (code === 'ENOENT') return undefined
      if (code === 'ELOOP' || !['EACCES', 'EROFS', 'EPERM'].includes(code)) throw error
    }
  }
  throw new Error(`The log of the folder may not be read: ${path}`)
}

/** A log that could not be written when it was opened, and may be by now; where it is as it was, the same. */
export function reopened(disk: Disk, open: OpenLog): OpenLog {
  const again = openLog(disk, open.number, false)
  if (again === undefined) return open
  const isSame = again.writable && fstatSync(again.file).ino === fstatSync(open.file).ino
  closeSync(isSame ? open.file : again.file)
  return isSame ? { ...again, at: open.at, hasHead: open.hasHead } : open
}

/** Puts a whole log in place at once; whoever comes second finds that of the first. */
export function begin(disk: Disk, number: number, lines: readonly LogLine[]): void {
  disk.directory(disk.root)
  const draft = join(disk.root, `draft-${randomBytes(6).toString('hex')}`)
  try {
    mkdirSync(draft, { mode: 0o700 })
    writeFileSync(join(draft, 'lines'), `${lines.map(writeLine).join('\n')}\n`, { mode: 0o600, flag: 'wx' })
    // Of a directory: fails where there is one that is not empty.
    renameSync(draft, pathOf(disk, number))
  } catch (error) {
    tryTo(() => rmSync(draft, { recursive: true, force: true }))
    if (!exists(disk, number)) throw error
  }
}

/** Whether there is a log of a number. */
export function exists(disk: Disk, number: number): boolean {
  return numbersIn(disk).includes(number)
}

function newestNumber(disk: Disk): number {
  return Math.max(0, ...numbersIn(disk))
}

function numbersIn(disk: Disk): number[] {
  if (!disk.isThere(disk.root)) return []
  try {
    return readdirSync(disk.root).flatMap((name) => (/^log-[1-9]\d{0,8}$/.test(name) ? [Number(name.slice(4))] : []))
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return []
    throw error
  }
}

/** The directory of a log. */
export function pathOf(disk: Disk, number: number): string {
  return join(disk.root, `log-${number}`)
}
