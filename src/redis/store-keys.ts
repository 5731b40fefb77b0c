import { optionInvalid } from '../errors/option-error.js'

/** Names of what one stash keeps in Redis. On a Cluster everything in `{p}` is in one slot, each entry and its token in another. */
export interface StoreKeys {
  readonly control: string
  readonly log: string
  /** Never written: a DEL of it marks a script as a writing one, which Redis then lets pass at its memory limit. */
  readonly nothing: string
  readonly channel: string
  readonly markerPrefix: string
  marker(name: string): string
  /** Which keys have entries about a subject. */
  subject(digest: string): string
  /** Held by the process that sweeps for a marker. */
  sweepLock(name: string): string
  entry(key: string): string
  token(key: string): string
  /** Where a large value lies for the moment between being sent and being written. */
  draft(key: string, id: string): string
}

/**
 * Pure: the names for a prefix.
 *
 * @throws {OptionError} `ERR_OPTION_INVALID` for a prefix that would break hash slots or patterns.
 */
export function storeKeys(prefix: string): StoreKeys {
  if (!/^[\w.:/-]{1,64}$/.test(prefix)) {
    throw optionInvalid('prefix', '1 to 64 letters, digits or any of _ . : / -', prefix)
  }
  const control = `{${prefix}}:`
  return {
    control: `${control}ctl`,
    log: `${control}log`,
    nothing: `${control}-`,
    channel: `${control}bus`,
    markerPrefix: `${control}m:`,
    marker: (name) => `${control}m:${name}`,
    subject: (digest) => `${control}s:${digest}`,
    sweepLock: (name) => `${control}w:${name}`,
    // A key's text begins with the stash's prefix already. The braces make the whole of it the hash tag.
    entry: (key) => `{${key}}:e`,
    token: (key) => `{${key}}:t`,
    draft: (key, id) => `{${key}}:d:${id}`,
  }
}
