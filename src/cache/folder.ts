import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { optionInvalid, optionUnknown } from '../errors/option-error.js'
import { checkScrubs, type Scrub, scrubJsonText } from '../keys/secrets.js'

/** A folder as a stash's store. */
export interface FolderOptions {
  /** Its path, on a local disk; relative to where the process runs. */
  readonly folder: string
  /** Beyond it, the files longest unused are removed. @defaultValue 1 GiB */
  readonly maxBytes?: number | undefined
  /** Whether entries end with their lifetime. @defaultValue `false`: only invalidation and `maxBytes` end them */
  readonly expires?: boolean | undefined
  /**
   * Whether what was asked is written beside the answer, for people, and for the nearest record that a miss in mode
   * `replay` names. @defaultValue `true`, but `false` with `encryption` or `secret`
   */
  readonly requests?: boolean | undefined
  /** What is taken out of requests and keys beside known forms of secrets: texts, patterns, functions. */
  readonly scrub?: readonly Scrub[] | undefined
}

/** {@link FolderOptions}, checked. */
export interface ResolvedFolder {
  readonly folder: string
  readonly maxBytes: number | undefined
  readonly expires: boolean
  readonly requests: boolean
  readonly scrub: (text: string) => string
}

const OPTIONS = ['folder', 'maxBytes', 'expires', 'requests', 'scrub']

/** Whether a `store` names a folder. */
export function isFolder(store: unknown): store is string | FolderOptions {
  if (typeof store === 'string') return /^file:/i.test(store)
  return typeof store === 'object' && store !== null && 'folder' in store
}

/** Pure but for the working directory: where a folder is, and how it is used. @throws {OptionError} `ERR_OPTION_INVALID` */
export function resolveFolder(store: string | FolderOptions, name: string, isPrivate: boolean): ResolvedFolder {
  const options: FolderOptions = typeof store === 'string' ? { folder: pathIn(store, name) } : store
  for (const option of Object.keys(options)) if (!OPTIONS.includes(option)) throw optionUnknown(name, option, OPTIONS)
  const { folder, maxBytes, expires = false, requests = !isPrivate, scrub = [] } = options
  if (typeof folder !== 'string' || folder === '' || folder.includes('\u0000')) {
    throw optionInvalid(`${name}.folder`, 'the path of a folder', folder)
  }
  if (maxBytes !== undefined && !(maxBytes >= 65_536)) {
    throw optionInvalid(`${name}.maxBytes`, 'a number of bytes from 65,536', maxBytes)
  }
  for (const [option, value] of Object.entries({ expires, requests })) {
    if (typeof value !== 'boolean') throw optionInvalid(`${name}.${option}`, 'true or false', value)
  }
  if (!Array.isArray(scrub)) throw optionInvalid(`${name}.scrub`, 'a list of strings, patterns or functions', scrub)
  const scrubs = checkScrubs(scrub)
  const clean = (text: string): string => scrubJsonText(text, scrubs)
  return { folder: resolve(folder), maxBytes, expires, requests, scrub: clean }
}

// `file:./.cache` is a path from here, which no URL can say; `file:///…` is one.
function pathIn(url: string, name: string): string {
  const path = url.slice('file:'.length)
  if (/^\/*$/.test(path)) throw optionInvalid(name, "'file:' and the path of a folder, such as 'file:./.cache'", url)
  if (!path.startsWith('//')) return path
  try {
    return fileURLToPath(url)
  } catch {
    throw optionInvalid(name, "'file:' and a path, or 'file:///' and an absolute one", url)
  }
}
