const SLOTS = 1024
const LONGEST = 24

/** Names of properties seen before, by their bytes: entries of one kind repeat a few names, and a text is costly to make. */
export type KeyCache = (string | undefined)[]

/** Returns an empty cache; it never holds more than 1,024 names of at most 24 characters. */
export function createKeyCache(): KeyCache {
  return new Array<string | undefined>(SLOTS).fill(undefined)
}

/** The UTF-8 text in a range of bytes, from the cache where it is there. */
export function cachedText(cache: KeyCache, bytes: Buffer, start: number, end: number): string {
  const length = end - start
  if (length > LONGEST) return bytes.toString('utf8', start, end)
  let hash = length
  for (let at = start; at < end; at++) hash = (Math.imul(hash, 31) + (bytes[at] as number)) | 0
  const slot = (hash ^ (hash >>> 10)) & (SLOTS - 1)
  const known = cache[slot]
  if (known !== undefined && known.length === length && isSame(known, bytes, start)) return known
  const text = bytes.toString('utf8', start, end)
  // Of another length means not ASCII: characters and bytes could not be compared.
  if (text.length === length) cache[slot] = text
  return text
}

function isSame(text: string, bytes: Buffer, start: number): boolean {
  for (let index = 0; index < text.length; index++) if (text.charCodeAt(index) !== bytes[start + index]) return false
  return true
}
