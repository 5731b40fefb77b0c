import { optionInvalid } from '../errors/option-error.js'

/** Items: an array, anything iterable, or an asynchronous iterable, which is read no faster than its items are used. */
export type BatchSource<T> = Iterable<T> | AsyncIterable<T>

/** Reads items one by one. */
export interface ItemReader<T> {
  /** How many there are, where that is known. */
  readonly total: number | undefined
  /** The next item, at once where it can be. */
  read(): IteratorResult<T, unknown> | PromiseLike<IteratorResult<T, unknown>>
  /** Tells the source that no more is read. Never throws and waits for nothing: a source may hang. */
  close(): void
}

/** Opens a source. @throws {OptionError} `ERR_OPTION_INVALID` for what cannot be iterated. */
export function openSource<T>(items: BatchSource<T>): ItemReader<T> {
  if (Array.isArray(items)) return arrayReader(items as readonly T[])
  const source = items as Partial<Iterable<T> & AsyncIterable<T>> | null | undefined
  const open: unknown = source?.[Symbol.asyncIterator] ?? source?.[Symbol.iterator]
  // A text can be iterated, but nobody means its characters.
  if (typeof open !== 'function' || typeof items === 'string')
    throw optionInvalid('items', 'an array, an iterable or an asynchronous iterable', items)
  const iterator = open.call(items) as Iterator<T> | AsyncIterator<T>
  const { size } = items as { readonly size?: unknown }
  return {
    total: items instanceof Set || items instanceof Map ? (size as number) : undefined,
    read: () => iterator.next(),
    close() {
      try {
        Promise.resolve(iterator.return?.()).catch(ignore)
      } catch {
        // Whoever stops reading has no use for a source's last words.
      }
    },
  }
}

function arrayReader<T>(items: readonly T[]): ItemReader<T> {
  const total = items.length
  let at = 0
  return {
    total,
    read: () => (at < total ? { done: false, value: items[at++] as T } : { done: true, value: undefined }),
    close() {},
  }
}

function ignore(): void {}
