import type { Call } from './command.js'
import { UsageError } from './failure.js'
import { openFolderView } from './folder-view.js'
import { openRedisView } from './redis-view.js'
import type { StoreView } from './store-view.js'

/** The URL of the store that is meant; `undefined` if none is. @throws {UsageError} for a folder with `--sentinel` */
export function storeUrl({ values, io }: Pick<Call, 'values' | 'io'>): string | undefined {
  const url = values.store ?? io.env.CACHE_URL
  if (url === undefined || url === '') return undefined
  if (values.sentinel !== undefined && isFolderUrl(url))
    throw new UsageError('--sentinel is for a Redis, and the store is a folder.')
  return url
}

/** As {@link storeUrl}. @throws {UsageError} if none is meant */
export function requiredUrl(call: Pick<Call, 'values' | 'io'>): string {
  const url = storeUrl(call)
  if (url === undefined) throw new UsageError('Which store? Give --store URL, or set CACHE_URL.')
  return url
}

/** Whether a URL names a folder. */
export function isFolderUrl(url: string): boolean {
  return /^file:/i.test(url)
}

/** Opens the store that is meant, has it used, and closes it. */
export async function withView<T>(call: Call, use: (view: StoreView) => Promise<T>): Promise<T> {
  const url = requiredUrl(call)
  const view = isFolderUrl(url)
    ? await openFolderView(url, call.values.prefix, call.clock)
    : await openRedisView(call, url)
  try {
    return await use(view)
  } finally {
    await view.close()
  }
}

/**
 * The text of a key as somebody has typed it: as `hopstash keys` prints it, or as Redis has it, with braces.
 *
 * @throws {UsageError} for a key of another prefix
 */
export function keyGiven({ words, values }: Pick<Call, 'words' | 'values'>): string {
  const given = words[0] as string
  const key = /^\{(.*)\}:e$/s.exec(given)?.[1] ?? given
  if (key.startsWith(`${values.prefix}:`)) return key
  const prefix = /^([\w.-]{1,64}):/.exec(key)?.[1]
  const hint =
    prefix === undefined ? "Such as 'hopstash keys' prints it." : `Of another stash? Then --prefix ${prefix}.`
  throw new UsageError(`Expected a key that begins with '${values.prefix}:'. ${hint}`)
}
