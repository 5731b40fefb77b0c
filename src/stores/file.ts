import { randomBytes } from 'node:crypto'
import { join, resolve } from 'node:path'
import { optionInvalid, optionUnknown } from '../errors/option-error.js'
import { type Clock, createSystemClock } from '../runtime/clock.js'
import { type Duration, parseDuration } from '../runtime/duration.js'
import { createDisk, tryTo } from './file-disk.js'
import { leaseFile, releaseFile, renewFile, takeToken } from './file-leases.js'
import { createFileLog } from './file-log.js'
import { directoryOf, type FileSite, messageOf, numbered, ownNumbered, stamped } from './file-site.js'
import { createSweep } from './file-sweep.js'
import { expireFile, killFile, readFile, setFile, writeFile } from './file-verbs.js'
import { createForgetting, eachRequest, type RecordedRequest } from './file-walk.js'
import type { BusListener, ForgetReply, ReadTo, SharedStore } from './shared-store.js'

/** Options of {@link createFileStore}. */
export interface FileStoreOptions {
  /** Path of the folder, on a local disk. Made where there is none, for its owner alone. */
  readonly folder: string
  /** Name of the part of the folder that is used. @defaultValue `'hopstash'` */
  readonly prefix?: string
  /** Beyond it, the files longest unused are removed. @defaultValue 1 GiB */
  readonly maxBytes?: number
  /** Whether entries end with their lifetime. @defaultValue `false`: only invalidation and `maxBytes` end them */
  readonly expires?: boolean
  /** How soon memory hears of other processes: their deletes, sets and invalidations take effect here within it. @defaultValue `'250ms'` */
  readonly recheck?: Duration
  /** Nothing is written. @defaultValue `false` */
  readonly readOnly?: boolean
  /** What requests and keys are written as, for people. @defaultValue as they are */
  readonly scrub?: (text: string) => string
  /** Whether the `digest` of a key is `textDigest` of it: then no key is hashed here again. @defaultValue `false` */
  readonly digestIsHash?: boolean
  readonly clock?: Clock
}

/** A store in a folder. */
export interface FileStore extends SharedStore {
  readonly capabilities: { readonly scripts: true; readonly messages: true; readonly cluster: true }
  /** What is wrong with the folder, if something is. Until it has worked again. */
  readonly problem: string | undefined
  forget(subject: string): Promise<ForgetReply>
  /** Requests recorded in a namespace: what was asked, and the file below the folder. */
  requests(namespace: string): AsyncIterable<RecordedRequest>
  /** Brings the folder below `maxBytes` now. */
  sweep(): Promise<void>
}

const OPTIONS = ['folder', 'prefix', 'maxBytes', 'expires', 'recheck', 'readOnly', 'scrub', 'digestIsHash', 'clock']
const GIB = 2 ** 30

/**
 * Returns a shared store in a folder of a local disk, for scripts, tests and processes of one machine: a file for each
 * entry, and one log of invalidations, appended to by all processes and read by all. What Redis orders by scripts, the
 * order of the log's lines orders here; docs/scripts.md says what is weaker.
 *
 * Nothing is opened here. Files are replaced whole and never synchronised: what a power failure tears is a miss.
 *
 * @throws {OptionError} `ERR_OPTION_INVALID`
 */
export function createFileStore(options: FileStoreOptions): FileStore {
  for (const name of Object.keys(options))
    if (!OPTIONS.includes(name)) throw optionUnknown('the folder store', name, OPTIONS)
  const { folder, prefix = 'hopstash', maxBytes = GIB, expires = false, readOnly = false } = options
  const { clock = createSystemClock(), scrub = (text) => text, recheck = '250ms', digestIsHash = false } = options
  if (typeof folder !== 'string' || folder === '' || folder.includes('\u0000')) {
    throw optionInvalid('folder', 'the path of a folder', folder)
  }
  if (!(maxBytes >= 65_536)) throw optionInvalid('maxBytes', 'a number of bytes from 65,536', maxBytes)
  const recheckMs = parseDuration(recheck, 'recheck')
  const me = randomBytes(6).toString('base64url')
  // The form of what is below it may change one day: then that has another name, and neither misreads the other.
  const disk = createDisk(join(resolve(folder), `${prefix}-v1`), me)
  let listener: BusListener | undefined
  let timer: unknown
  let isClosed = false
  const log = createFileLog({
    disk,
    clock,
    me,
    readOnly,
    onFrame: (frame) => listener?.frame(frame),
    onGap() {
      listener?.lost()
      listener?.confirmed()
    },
  })
  const sweep = createSweep({ disk, clock, maxBytes, readOnly })
  const forget = createForgetting(disk)
  let problem: { readonly message: string; readonly ofReads: boolean } | undefined
  let isWarned = false
  const note = (error: unknown, ofReads: boolean): void => {
    if (!isWarned) warn(folder, error)
    isWarned = true
    problem = { message: messageOf(error), ofReads }
  }
  const trouble = (error: unknown): void => note(error, false)
  const wasRead = (): void => {
    if (problem?.ofReads === true) problem = undefined
  }
  /** A disk with room for a line of the log, or for a small file, may have none for a large one: what is kept says that it works. */
  const kept = <T extends { readonly outcome: string }>(reply: T): T => {
    if (reply.outcome === 'written') problem = undefined
    return reply
  }
  const site: FileSite = { disk, log, clock, sweep, me, shards: new Map(), expires, scrub, digestIsHash, trouble }
  const readTo: ReadTo = (request, done) => {
    const failed = (error: unknown): void => {
      note(error, true)
      done(undefined, error)
    }
    try {
      const reply = readFile(site, request)
      wasRead()
      if (reply instanceof Promise) reply.then(done, failed)
      // A promise's turn, not `queueMicrotask`: Node makes a resource of each of those.
      else Promise.resolve(reply).then(done)
    } catch (error) {
      Promise.reject(error).catch(failed)
    }
  }
  const tried = <T>(verb: () => T | Promise<T>, ofReads = false): Promise<T> => {
    const noted = (error: unknown): never => {
      note(error, ofReads)
      throw error
    }
    try {
      const reply = verb()
      if (ofReads) wasRead()
      return reply instanceof Promise ? reply.catch(noted) : Promise.resolve(reply)
    } catch (error) {
      return Promise.reject(error).catch(noted)
    }
  }

  return {
    capabilities: { scripts: true, messages: true, cluster: true },
    // What is read at once is not slower for a timer; what is large takes the time of a local disk.
    keepsBudget: true,
    get problem() {
      return problem?.message
    },
    read: (request) => tried(() => readFile(site, request), true),
    readTo,
    token: (key, candidate, lifeMs) => tried(() => takeToken(site, key, candidate, lifeMs)),
    write: (request) => tried(() => writeFile(site, request).then(kept)),
    set: (request) => tried(() => setFile(site, request).then(kept)),
    lease: (request) => tried(() => leaseFile(site, request)),
    renew: (key, token, lifeMs) => tried(() => renewFile(site, key, token, lifeMs)),
    release: (request) => tried(() => releaseFile(site, request)),
    kill: (ref) => tried(() => killFile(site, ref)),
    expire: (ref) => tried(() => expireFile(site, ref)),
    bump: (names, mode) =>
      tried(() => {
        log.append({ kind: 'names', sender: me, mode, names: [...names] })
        return ownNumbered(site)
      }),
    forget: (subject) =>
      tried(async () => {
        log.catchUp()
        const removed = await forget(subject)
        return { ...stamped(site), removed }
      }),
    ping: () =>
      tried(() => {
        log.catchUp()
        log.checkThere()
        return numbered(site)
      }, true),
    requests: (namespace) => eachRequest(disk, directoryOf(disk, namespace)),
    sweep: () => sweep.run(),
    subscribe(to) {
      const look = (): void => {
        if (isClosed) return
        tryTo(() => {
          log.catchUp()
          log.checkThere()
        })
        timer = clock.setTimer(look, recheckMs)
      }
      // Only lines from here on are news.
      tryTo(() => log.catchUp())
      listener = to
      to.confirmed()
      timer = clock.setTimer(look, recheckMs)
    },
    async close() {
      isClosed = true
      clock.clearTimer(timer)
      await sweep.close()
      log.close()
    },
  }
}

// Once: a script that pays for every call because its folder cannot be written should not have to be watched for it.
function warn(folder: string, error: unknown): void {
  process.emitWarning(`The folder '${folder}' cannot be used, so memory serves alone: ${messageOf(error)}`, {
    type: 'HopstashWarning',
    code: 'HOPSTASH_FOLDER',
  })
}
