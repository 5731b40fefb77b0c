import { lstat, readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { resolveFolder } from '../cache/folder.js'
import type { Clock } from '../runtime/clock.js'
import { createDisk } from '../stores/file-disk.js'
import { fileNameOf, readFileEntry } from '../stores/file-entry.js'
import { createFileLog } from '../stores/file-log.js'
import { directoryOf } from '../stores/file-site.js'
import { Failure } from './failure.js'
import { type EntryFile, entryPaths, readEntryFile } from './folder-files.js'
import { type FoundEntry, type Look, namespaceIn, type StoreView } from './store-view.js'

/** A folder that is looked into. */
export interface FolderView extends StoreView {
  readonly kind: 'folder'
  /** The part of the folder a prefix has. */
  readonly root: string
}

/** Where a prefix's part of a folder is. @throws {OptionError} `ERR_OPTION_INVALID` */
export function rootOf(url: string, prefix: string): { readonly folder: string; readonly root: string } {
  const { folder } = resolveFolder(url, 'store', false)
  return { folder, root: join(folder, `${prefix}-v1`) }
}

/**
 * As {@link rootOf}, of a folder that a stash has used.
 *
 * @throws {OptionError} `ERR_OPTION_INVALID` for a URL that is none
 * @throws {Failure} if it is not there: neither to look into a folder nor to empty it must make one
 */
export async function foundRoot(url: string, prefix: string): Promise<ReturnType<typeof rootOf>> {
  const { folder, root } = rootOf(url, prefix)
  const stats = await lstat(root).catch(() => undefined)
  if (stats?.isDirectory() === true) return { folder, root }
  throw new Failure(`There is no store with the prefix '${prefix}' in the folder ${folder}.`)
}

/**
 * Opens a folder for reading.
 *
 * @throws {OptionError} `ERR_OPTION_INVALID` for a URL that is none
 * @throws {Failure} if it is not there
 */
export async function openFolderView(url: string, prefix: string, clock: Clock): Promise<FolderView> {
  const { folder, root } = await foundRoot(url, prefix)
  const disk = createDisk(root, 'cli')
  return {
    kind: 'folder',
    address: folder,
    root,
    async *scan(namespace) {
      const directory = namespace === undefined ? undefined : basename(directoryOf(disk, namespace))
      for await (const paths of entryPaths(disk.entries, directory)) {
        yield paths.map((path) => {
          const key = readEntryFile(path)?.key
          const inPath = basename(join(path, '..', '..'))
          return {
            key,
            namespace: key === undefined ? inPath : namespaceIn(key),
            place: path.slice(folder.length + 1),
          }
        })
      }
    },
    measure: (entries) =>
      Promise.all(entries.map(async ({ place }) => (await lstat(join(folder, place)).catch(() => undefined))?.size)),
    async find(key) {
      const name = fileNameOf(key)
      const file = readEntryFile(join(directoryOf(disk, namespaceIn(key)), name.slice(0, 2), `${name}.entry`))
      return file && foundIn(file, clock)
    },
    async lookUp(key, names): Promise<Look> {
      const log = createFileLog({ disk, clock, me: 'cli', readOnly: true, onFrame: () => {}, onGap: () => {} })
      try {
        log.catchUp()
        const { book } = log
        const name = fileNameOf(key)
        const nowMs = clock.wall()
        return {
          inc: book.inc,
          nowMs,
          markers: new Map(names.map((each) => [each, book.marker(each)])),
          isLoading: book.token(name, nowMs) !== undefined,
          overUntil: book.overUntil(name),
        }
      } finally {
        log.close()
      }
    },
    close: async () => {},
  }
}

function foundIn(file: EntryFile, clock: Clock): FoundEntry {
  return {
    place: file.path,
    bytes: file.bytes,
    header: file.header,
    goneInMs: file.goneAtMs - clock.wall(),
    isTimeless: file.goneAtMs === Infinity,
    async read() {
      const bytes = await readFile(file.path)
      const { read } = readFileEntry(Buffer.from(basename(file.path, '.entry'), 'hex'), bytes)
      if ('failure' in read || read.entry.checked === undefined) return undefined
      return Buffer.from(read.entry.checked.bytes)
    },
  }
}
