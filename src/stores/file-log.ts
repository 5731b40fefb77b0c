import { closeSync, fstatSync, readSync, rmSync, writeSync } from 'node:fs'
import type { Clock } from '../runtime/clock.js'
import { createFileBook, type FileBook } from './file-book.js'
import { type Disk, tryTo } from './file-disk.js'
import { type LogLine, readLine, writeLine } from './file-lines.js'
import { begin, exists, newHead, type OpenLog, openNewest, pathOf, reopened } from './file-log-place.js'
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
  /** Finds out whether the folder, or a part of the log, was taken away behind our back, and begins anew where it was. */
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
const TRIES = 20
/** Numbers end at 9e15. */
const MOST_LEAP = 8e15
/** Three times what a line of a summary takes: a log is not ended while much of it is summary, but whoever opens it reads all. */
const SUMMARY_BYTES = 150

/** Returns the log of a folder, opened at its first use. */
export function createFileLog(options: FileLogOptions): FileLog {
  const { disk, clock, me, readOnly, onFrame, onGap } = options
  const mostBytes = options.mostBytes ?? MOST_BYTES
  const buffer = Buffer.allocUnsafe(READ_BYTES)
  const book = createFileBook(me)
  let log: OpenLog | undefined
  let hasLeapt = false

  const ready = (): OpenLog => {
    log ??= openNewest(disk, book, readOnly)
    return log
  }
  const shut = (): void => {
    if (log !== undefined && log.file >= 0) closeSync(log.file)
    log = undefined
  }
  /** What is in its place now may be an older copy: lines of this process may have been lost, too. */
  const giveUp = (): void => {
    shut()
    hasLeapt = false
    onGap()
  }
  /** Reads lines until there are no more; a log that ends is followed by the next. */
  const readOn = (open: OpenLog): void => {
    if (open.file < 0) return
    let rest = ''
    for (;;) {
      const length = readSync(open.file, buffer, 0, buffer.length, open.at + rest.length)
      if (length === 0) {
        if (open.hasHead) return
        giveHead(open)
        continue
      }
      const text = rest + buffer.toString('latin1', 0, length)
      const end = text.lastIndexOf('\n') + 1
      open.at += end
      rest = text.slice(end)
      for (const part of text.slice(0, end).split('\n')) if (part !== '') takeText(open, part)
      if (book.ended) {
        goOn(open)
        return
      }
    }
  }
  /** Emptied, edited or torn: what is left says nothing, and what was loaded under it is void. */
  const giveHead = (open: OpenLog): void => {
    if (open.writable) {
      write(open, newHead())
      return
    }
    open.hasHead = true
    book.take(newHead())
  }
  const takeText = (open: OpenLog, text: string): void => {
    const line = readLine(text)
    if (line?.kind === 'head') open.hasHead = true
    if (!open.hasHead) return
    const frame = line && book.take(line)
    if (frame !== undefined) onFrame(frame)
  }
  const goOn = (open: OpenLog): void => {
    const next = open.number + 1
    if (!exists(disk, next)) {
      if (!open.writable) return
      tryTo(() => begin(disk, next, book.summary(Math.floor(clock.wall()))))
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
  const tryAgain = (open: OpenLog): void => {
    if (isWhole(open)) log = reopened(disk, open)
    else giveUp()
  }
  /** Whether the line is in the log, and that is in the folder: not where the log ended before it, or was replaced. */
  const isAppended = (line: LogLine): boolean => {
    catchUp()
    if (!readOnly && log?.writable === false) tryAgain(log)
    const open = ready()
    if (!open.writable) throw Object.assign(new Error('The folder of the store is read-only'), { code: 'EROFS' })
    const before = book.ownLines
    write(open, line)
    catchUp()
    if (log !== open || isWhole(open)) return book.ownLines > before
    giveUp()
    return false
  }

  return {
    book,
    catchUp,
    append(line) {
      for (let left = TRIES; left > 0; left--) {
        // Before this process began, lines may have been lost: by a power failure, or the folder is a copy of one in use.
        if (!hasLeapt) hasLeapt = isAppended({ kind: 'leap', sender: me, seq: leapOf(clock.wall()) })
        else if (isAppended(line)) return endIfLong()
      }
      throw new Error('The log of the folder could not be written: it was replaced over and over')
    },
    checkThere() {
      if (log === undefined || log.file < 0 || isWhole(log)) return
      giveUp()
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

/** Whether a log is still in the folder, with all that was read of it. */
function isWhole({ file, at }: OpenLog): boolean {
  const { nlink, size } = fstatSync(file)
  return nlink > 0 && size >= at
}

/** More lines than there are in a ms fit in one, so no number of an earlier ms is as high. Of a clock gone mad, a number all the same. */
function leapOf(wallMs: number): number {
  return Math.floor(Math.min(Math.max(wallMs * 1000, 0), MOST_LEAP)) || 0
}

// An end of its own before it: the line of a writer that died in the middle must not take this one with it.
function write(open: OpenLog, line: LogLine): void {
  const bytes = Buffer.from(`\n${writeLine(line)}\n`, 'latin1')
  if (writeSync(open.file, bytes) === bytes.length) return
  throw Object.assign(new Error('The disk took a part of the line'), { code: 'ENOSPC' })
}
