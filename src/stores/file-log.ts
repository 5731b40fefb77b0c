import { randomBytes } from 'node:crypto'
import {
  closeSync,
  constants,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../runtime/clock.js'
import { createFileBook, type FileBook } from './file-book.js'
import { codeOf, type Disk, tryTo } from './file-disk.js'
import { type LogLine, readLine, writeLine } from './file-lines.js'
import type { Frame } from './shared-store.js'

/**
 * The log of a folder: what invalidations and tokens there were, in the one order in which the system appended them.
 * Every process reads all of it, so what it knows of the others is never a guess.
 */
export interface FileLog {
  readonly book: FileBook
  /** Takes in what others have appended. Throws where the log cannot be read. */
  catchUp(): void
  /** Appends a line, and takes in everything up to it. Throws where it cannot be appended. */
  append(line: LogLine): void
  /** Finds out whether the folder was taken away behind our back, and begins anew where it was. */
  checkThere(): void
  close(): void
}

/** What a log is made of. */
export interface FileLogOptions {
  readonly disk: Disk
  readonly clock: Clock
  readonly me: string
  /** Nothing is written, not even a log where there is none. */
  readonly readOnly: boolean
  /** Told of lines of others. */
  readonly onFrame: (frame: Frame) => void
  /** Lines were lost: what is known of the store's past is not everything. */
  readonly onGap: () => void
  /** A longer log is ended, and begun anew with what it came to. @defaultValue 32 KiB */
  readonly mostBytes?: number
}

const MOST_BYTES = 32 * 1024
const READ_BYTES = 64 * 1024
/** A log nobody wrote to for so long may have lost lines meanwhile: nothing here waits for the disk. */
const QUIET_MS = 5000
const TRIES = 20
/** Three times what a line of a summary takes: a log is not ended while much of it is summary, but whoever opens it reads all. */
const SUMMARY_BYTES = 150
const { O_APPEND, O_RDONLY, O_RDWR } = constants
const SAFE = constants.O_NOFOLLOW ?? 0

interface OpenLog {
  readonly number: number
  readonly file: number
  readonly writable: boolean
  at: number
}

/** Returns the log of a folder, opened at its first use. */
export function createFileLog(options: FileLogOptions): FileLog {
  const { disk, clock, me, readOnly, onFrame, onGap } = options
  const mostBytes = options.mostBytes ?? MOST_BYTES
  const buffer = Buffer.allocUnsafe(READ_BYTES)
  const book = createFileBook(me)
  let log: OpenLog | undefined
  let appended = false

  const ready = (): OpenLog => {
    log ??= openNewest(disk, book, readOnly)
    return log
  }
  const shut = (): void => {
    if (log !== undefined && log.file >= 0) closeSync(log.file)
    log = undefined
  }
  /** Reads lines until there are no more; a log that ends is followed by the next. */
  const readOn = (open: OpenLog): void => {
    if (open.file < 0) return
    let rest = ''
    for (;;) {
      const length = readSync(open.file, buffer, 0, buffer.length, open.at + rest.length)
      if (length === 0) return
      const text = rest + buffer.toString('latin1', 0, length)
      const end = text.lastIndexOf('\n') + 1
      open.at += end
      rest = text.slice(end)
      for (const part of text.slice(0, end).split('\n')) if (part !== '') takeText(part)
      if (book.ended) {
        goOn(open)
        return
      }
    }
  }
  const takeText = (text: string): void => {
    const line = readLine(text)
    const frame = line && book.take(line)
    if (frame !== undefined) onFrame(frame)
  }
  const goOn = (open: OpenLog): void => {
    const next = open.number + 1
    if (!exists(disk, next)) {
      if (!open.writable) return
      tryTo(() => begin(disk, next, book.summary(Math.floor(clock.wall())).map(writeLine)))
      // A full disk: what is known stays true, for nobody can append to a log that has ended.
      if (!exists(disk, next)) return
      tryTo(() => rmSync(pathOf(disk, open.number), { recursive: true, force: true }))
    }
    shut()
    // The one after it may have ended, too, and be gone: its summary then says less than its lines did.
    const newer = openNewest(disk, book, readOnly)
    log = newer
    if (newer.number > next) onGap()
    readOn(newer)
  }
  const catchUp = (): void => {
    readOn(ready())
  }
  const leap = (open: OpenLog): void => {
    if (appended) return
    appended = true
    const { mtimeMs } = fstatSync(open.file)
    const wall = clock.wall()
    if (wall - mtimeMs < QUIET_MS) return
    write(open, { kind: 'leap', sender: me, seq: Math.floor(wall * 1000) })
  }

  return {
    book,
    catchUp,
    append(line) {
      for (let left = TRIES; left > 0; left--) {
        catchUp()
        const open = ready()
        if (!open.writable) throw Object.assign(new Error('The folder of the store is read-only'), { code: 'EROFS' })
        leap(open)
        const before = book.ownLines
        write(open, line)
        catchUp()
        const isTaken = book.ownLines > before
        if (isTaken && log === open && fstatSync(open.file).nlink === 0) shut()
        else if (isTaken) return endIfLong()
      }
      throw new Error('The log of the folder could not be written: it was replaced over and over')
    },
    checkThere() {
      if (log === undefined || log.file < 0 || fstatSync(log.file).nlink > 0) return
      shut()
      onGap()
      catchUp()
    },
    close: shut,
  }

  function endIfLong(): void {
    const open = log
    if (open === undefined || open.at < mostBytes + book.size * SUMMARY_BYTES) return
    // Whether this works or not: the line is in the log.
    tryTo(() => {
      write(open, { kind: 'end', sender: me })
      catchUp()
    })
  }
}

/** The newest log there is; else the first, which this process begins. */
function openNewest(disk: Disk, book: FileBook, readOnly: boolean): OpenLog {
  for (let left = TRIES; left > 0; left--) {
    const number = newestNumber(disk)
    if (number === 0) {
      if (readOnly) return noLog(book)
      disk.forget()
      const head: LogLine = { kind: 'head', inc: randomBytes(12).toString('base64url'), seq: 1, floor: 0 }
      begin(disk, 1, [writeLine(head)])
      continue
    }
    const opened = openLog(disk, number, readOnly)
    if (opened !== undefined) return opened
  }
  throw new Error(`The log of the folder could not be opened: it was replaced over and over`)
}

/** Where there is none and none may be made: a life of its own, in which nothing stored is valid. */
function noLog(book: FileBook): OpenLog {
  book.take({ kind: 'head', inc: randomBytes(12).toString('base64url'), seq: 1, floor: 0 })
  return { number: 0, file: -1, writable: false, at: 0 }
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
      return { number, file: openSync(path, flags | SAFE), writable, at: 0 }
    } catch (error) {
      const code = codeOf(error)
      if (code === 'ENOENT') return undefined
      if (code === 'ELOOP' || !['EACCES', 'EROFS', 'EPERM'].includes(code)) throw error
    }
  }
  throw new Error(`The log of the folder may not be read: ${path}`)
}

/** Puts a whole log in place at once; whoever comes second finds that of the first. */
function begin(disk: Disk, number: number, lines: readonly string[]): void {
  disk.directory(disk.root)
  const draft = join(disk.root, `draft-${randomBytes(6).toString('hex')}`)
  try {
    mkdirSync(draft, { mode: 0o700 })
    writeFileSync(join(draft, 'lines'), `${lines.join('\n')}\n`, { mode: 0o600, flag: 'wx' })
    // Of a directory: fails where there is one that is not empty.
    renameSync(draft, pathOf(disk, number))
  } catch (error) {
    tryTo(() => rmSync(draft, { recursive: true, force: true }))
    if (!exists(disk, number)) throw error
  }
}

function exists(disk: Disk, number: number): boolean {
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

function pathOf(disk: Disk, number: number): string {
  return join(disk.root, `log-${number}`)
}

// An end of its own before it: the line of a writer that died in the middle must not take this one with it.
function write(open: OpenLog, line: LogLine): void {
  const bytes = Buffer.from(`\n${writeLine(line)}\n`, 'latin1')
  if (writeSync(open.file, bytes) === bytes.length) return
  throw Object.assign(new Error('The disk took a part of the line'), { code: 'ENOSPC' })
}
