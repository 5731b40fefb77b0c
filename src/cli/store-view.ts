import type { CheckedHeader } from '../codec/entry-header.js'
import type { Marker } from '../stores/shared-store.js'

/** A store as it is looked into from outside of any stash. Nothing here writes. */
export interface StoreView {
  readonly kind: 'redis' | 'folder'
  /** Where it is: host and port, or a path. No user, no password. */
  readonly address: string
  /** The entries of one namespace, or of all, in no order; in Redis by SCAN, which may show one twice. */
  scan(namespace: string | undefined): AsyncIterable<readonly ScannedEntry[]>
  /** What entries take in the store, in bytes; `undefined` where one is gone, or the store does not tell. */
  measure(entries: readonly ScannedEntry[]): Promise<readonly (number | undefined)[]>
  find(key: string): Promise<FoundEntry | undefined>
  /** What decides whether an entry is valid, as it is now. */
  lookUp(key: string, names: readonly string[]): Promise<Look>
  close(): Promise<void>
}

/** An entry that was come by. */
export interface ScannedEntry {
  /** `undefined` for a file that does not tell. */
  readonly key: string | undefined
  readonly namespace: string
  /** Where it is in the store: what `redis-cli` or a file manager would show. */
  readonly place: string
}

/** An entry that was asked for. */
export interface FoundEntry {
  readonly place: string
  /** Header and body, and what else there is of it. */
  readonly bytes: number
  /** Its header, or why it is none. */
  readonly header: CheckedHeader | { readonly ok: false; readonly reason: string }
  /** Until the store removes it, ms; `Infinity` if it does not. */
  readonly goneInMs: number
  /** Whether its lifetime counts: in a folder that records, it does not. */
  readonly isTimeless: boolean
  /** Header and body as in docs/stored-format.md. */
  read(): Promise<Buffer | undefined>
}

/** The state of a store around one entry. */
export interface Look {
  /** Incarnation, as entries carry it; `undefined` where no stash has used the store yet. */
  readonly inc: string | undefined
  /** The store's time, ms. */
  readonly nowMs: number
  readonly markers: ReadonlyMap<string, Marker>
  /** Whether somebody is loading the key, or was lately. */
  readonly isLoading: boolean
  /** Entries that were loaded before this number are over: the key was deleted or set since. */
  readonly overUntil: number
}

/** The namespace in the text of a key that begins with the prefix. */
export function namespaceIn(key: string): string {
  const [, namespace = ''] = key.split(':', 2)
  return namespace
}
