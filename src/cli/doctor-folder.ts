import { constants } from 'node:fs'
import { access, lstat, readdir, stat, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { createDisk } from '../stores/file-disk.js'
import { createFileLog } from '../stores/file-log.js'
import { isDraft } from '../stores/file-sweep.js'
import type { Call } from './command.js'
import { endIfAborted } from './failure.js'
import { advice, type Finding, ok, trouble } from './finding.js'
import { entryPaths, readEntryFile } from './folder-files.js'
import { rootOf } from './folder-view.js'
import { createProgress } from './progress.js'
import { bytesText, count } from './text.js'

const MIB = 2 ** 20
/** Free space below which a folder is soon of no use. */
const LITTLE_BYTES = 256 * MIB
const NONE_BYTES = 4 * MIB
const OTHERS = 0o077
const HOUR_MS = 3_600_000
/** Types of file systems over a network, by Linux: NFS, SMB, CIFS. */
const REMOTE = new Set([0x6969, 0x517b, 0xfe534d42, 0xff534d42])

/** Examines a folder. Never rejects for what is wrong with it: that is a finding. Changes nothing. */
export async function examineFolder(call: Call, url: string): Promise<Finding[]> {
  const { prefix } = call.values
  const { folder, root } = rootOf(url, prefix)
  const outer = await examineOuter(folder)
  if (outer !== undefined) return [outer]
  const stats = await lstat(root).catch(() => undefined)
  if (stats === undefined) {
    return [
      advice(
        'folder',
        `no stash has used the prefix '${prefix}' in ${folder} yet`,
        'If one should have: give its --prefix.',
      ),
    ]
  }
  if (!stats.isDirectory()) {
    const what = stats.isSymbolicLink() ? 'a symbolic link' : 'not a directory'
    return [trouble('folder', `${root} is ${what}: a stash does not use it`, 'Remove it, or use another folder.')]
  }
  return [
    ok('folder', root),
    await reach(root),
    await space(folder),
    history(call, root),
    ...(await contents(call, root)),
  ]
}

/** What keeps a folder from being looked into; `undefined` if nothing does. */
async function examineOuter(folder: string): Promise<Finding | undefined> {
  const change = 'Correct the path: relative ones begin where the command runs.'
  try {
    if ((await stat(folder)).isDirectory()) return undefined
    return trouble('folder', `${folder} is not a directory`, change)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'ENOENT') return trouble('folder', `${folder} cannot be used: ${code}`, change)
    if ((await lstat(folder).catch(() => undefined)) !== undefined)
      return trouble('folder', `${folder} is a symbolic link to nothing`, change)
    return advice(
      'folder',
      `${folder} is not there yet`,
      'The first write makes it. If there should be one: relative paths begin where the command runs.',
    )
  }
}

async function reach(root: string): Promise<Finding> {
  const isReachable = await access(root, constants.R_OK | constants.W_OK | constants.X_OK).then(
    () => true,
    () => false,
  )
  if (isReachable) return ok('access', 'can be read and written')
  return trouble(
    'access',
    'this user may not read and write it',
    'Run the command as the user of the application, or change its owner.',
  )
}

async function space(folder: string): Promise<Finding> {
  const { bavail, bsize, type } = await statfs(folder)
  const free = bavail * bsize
  const found = `${bytesText(free)} free`
  const change = 'Free some: what cannot be written is not cached, and the old entry is gone.'
  if (free < NONE_BYTES) return trouble('disk', found, change)
  if (free < LITTLE_BYTES) return advice('disk', found, change)
  if (REMOTE.has(type))
    return advice(
      'disk',
      `${found}, on a network file system`,
      'Use a local disk: the order of appends, which decides what is valid, is not kept over a network.',
    )
  return ok('disk', found)
}

function history({ clock }: Call, root: string): Finding {
  const disk = createDisk(root, 'cli')
  const log = createFileLog({ disk, clock, me: 'cli', readOnly: true, onFrame: () => {}, onGap: () => {} })
  try {
    log.catchUp()
    return log.book.seq > 0 ? ok('log', `can be read; ${count(log.book.size, 'name')} in it`) : ok('log', 'is empty')
  } catch (error) {
    const what = error instanceof Error ? error.message : String(error)
    return trouble(
      'log',
      `cannot be read: ${what}`,
      'Nothing in the folder is used without it: remove the folder, and it begins anew.',
    )
  } finally {
    log.close()
  }
}

interface Tally {
  entries: number
  bytes: number
  torn: number
  open: number
  links: number
  drafts: number
}

async function contents(call: Call, root: string): Promise<Finding[]> {
  const tally: Tally = { entries: 0, bytes: 0, torn: 0, open: 0, links: 0, drafts: 0 }
  const progress = createProgress(call.io, call.clock)
  try {
    await walk(root, root, tally, call)
    for await (const paths of entryPaths(join(root, 'entries'))) {
      endIfAborted(call.io.signal)
      for (const path of paths) {
        const file = readEntryFile(path)
        if (file?.header.ok === false) tally.torn++
      }
      tally.entries += paths.length
      progress.show(`${tally.entries} entries`)
    }
  } finally {
    progress.end()
  }
  return findingsOf(tally, root, call.values['max-bytes'] ?? 2 ** 30)
}

/** What files and directories are like, whatever they are for. */
async function walk(root: string, path: string, tally: Tally, call: Call): Promise<void> {
  const stats = await lstat(path).catch(() => undefined)
  if (stats === undefined) return
  endIfAborted(call.io.signal)
  if (stats.isSymbolicLink()) {
    tally.links++
    return
  }
  if (process.platform !== 'win32' && (stats.mode & OTHERS) !== 0) tally.open++
  if (!stats.isDirectory()) {
    tally.bytes += stats.size
    if (isDraft(path) && call.clock.wall() - stats.mtimeMs > HOUR_MS) tally.drafts++
    return
  }
  for (const name of await readdir(path).catch(() => [])) await walk(root, join(path, name), tally, call)
}

function findingsOf(tally: Tally, root: string, cap: number): Finding[] {
  const { entries, bytes, torn, open, links, drafts } = tally
  const size = `${count(entries, 'entry', 'entries')}, ${bytesText(bytes)} of ${bytesText(cap)}`
  return [
    bytes > cap
      ? advice(
          'size',
          `${size}: over its cap`,
          'Writers sweep it from time to time; if nobody writes any more, remove what is old.',
        )
      : ok('size', size),
    open === 0
      ? ok('permissions', 'for the owner alone')
      : trouble(
          'permissions',
          `others may look at ${count(open, 'file or directory', 'files and directories')}`,
          `chmod -R go-rwx ${root}`,
        ),
    links === 0
      ? ok('links', 'none')
      : trouble(
          'links',
          `${count(links, 'symbolic link')} in the folder, which a stash does not follow`,
          `find ${root} -type l shows them: somebody else has put them there.`,
        ),
    torn === 0
      ? ok('files', 'all whole')
      : advice(
          'files',
          `${count(torn, 'file is', 'files are')} torn or foreign, as a power failure leaves them: misses`,
          'Nothing needs to be done: the next load overwrites each.',
        ),
    ...(drafts > 0
      ? [advice('drafts', `${count(drafts, 'draft')} of writers that were killed`, 'The next sweep removes them.')]
      : []),
  ]
}
