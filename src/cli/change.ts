import type { StashMethods } from '../cache/build-stash.js'
import { namespace } from '../cache/presets.js'
import { createStash } from '../cache/stash.js'
import type { NamespaceDefinitions, StashOptions } from '../cache/stash-options.js'
import type { WriteResult } from '../cache/words.js'
import { optionHidden } from '../errors/option-error.js'
import { resolveSource } from '../redis/redis-source.js'
import type { Call } from './command.js'
import { Declined, Failure, UsageError } from './failure.js'
import { foundRoot, rootOf } from './folder-view.js'
import { isFolderUrl, requiredUrl } from './open-view.js'
import { reached } from './redis-place.js'

const READY_MS = 5000
/** A namespace of nobody's, where all are meant: a stash has one at least. */
const ANY = 'cli'

/**
 * Has a real stash over the store do something, so that the protocol holds and other processes hear of it. Nothing is begun unless the store is there.
 *
 * @throws {Failure} if the store cannot be reached, or is a folder that no stash has used
 */
export async function withStash<T>(
  call: Call,
  name: string | undefined,
  use: (stash: StashMethods) => Promise<T>,
): Promise<T> {
  const url = requiredUrl(call)
  const { prefix } = call.values
  // A stash waits for a store that is away, and tells no reason: at a terminal both would be wrong.
  const isFolder = isFolderUrl(url)
  // A stash makes the folder it is given: in a mistyped one an erasure would be confirmed.
  if (isFolder) await foundRoot(url, prefix)
  const place = isFolder ? undefined : await reached(call, url)
  await place?.connection.close()
  const options: StashOptions<NamespaceDefinitions> = {
    store: (place?.given ?? url) as `redis://${string}`,
    prefix,
    namespaces: { [name ?? ANY]: namespace() },
    mode: 'record',
    // A store that was restarted is the business of those whose invalidations it may have lost.
    onStoreRestart: 'trust',
    storeTimeout: '5s',
    ...secretOf(call),
  }
  const stash = createStash(options) as unknown as StashMethods
  try {
    if (!(await stash.ready(READY_MS))) {
      const { lastError, problem } = (stash.health().store ?? {}) as { lastError?: string; problem?: string }
      throw new Failure(
        `The store ${placeOf(url, prefix)} cannot be used: ${lastError ?? problem ?? 'no answer'}. Nothing was changed.`,
      )
    }
    return await use(stash)
  } finally {
    await stash.close()
  }
}

/** The store in words, without credentials, for questions. */
export function storeText(call: Call): string {
  return `${placeOf(requiredUrl(call), call.values.prefix)} (prefix ${call.values.prefix})`
}

/**
 * Asks before something is destroyed, unless told not to.
 *
 * @throws {Declined} for anything but a yes
 * @throws {UsageError} where nobody can be asked
 */
export async function confirm({ io, values }: Call, question: string): Promise<void> {
  if (values.yes) return
  if (io.ask === undefined) throw new UsageError('Nobody is there to be asked: give --yes to go on without a question.')
  if (!(await io.ask(question))) throw new Declined('Nothing was changed.')
}

/** What became of a change, in words. */
export function resultText({ store }: WriteResult, { paint }: Call): string {
  const texts = {
    done: paint.good('confirmed by the store'),
    queued: paint.bad('not confirmed by the store'),
    failed: paint.bad('failed in the store'),
    none: paint.bad('there was no store'),
  }
  return texts[store]
}

function placeOf(url: string, prefix: string): string {
  return isFolderUrl(url) ? rootOf(url, prefix).folder : resolveSource(url, 'store').address
}

function secretOf({ io }: Call): { readonly secret?: string } {
  const secret = io.env.HOPSTASH_SECRET
  if (secret === undefined || secret === '') return {}
  if (secret.length < 16) throw optionHidden('HOPSTASH_SECRET', 'at least 16 characters', 'fewer')
  return { secret }
}
