import { Buffer } from 'node:buffer'
import type { KeyWriter } from './key-writer.js'

/** Sorts names by code unit, in place; never by locale, which differs between machines. */
export function sortNames(names: string[]): string[] {
  const { length } = names
  if (length > INSERTION_LIMIT) return isSorted(names) ? names : names.sort()
  for (let index = 1; index < length; index++) {
    const name = names[index] as string
    let place = index
    while (place > 0 && isAfter(names[place - 1] as string, name)) {
      names[place] = names[place - 1] as string
      place--
    }
    if (place !== index) names[place] = name
  }
  return names
}

/**
 * Sorts the records that fill the buffer from `starts[0]` to its end, by their bytes.
 *
 * A record is a canonical entry of a Map or member of a Set, whose order in the collection means nothing.
 */
export function sortRecords(writer: KeyWriter, starts: readonly number[]): void {
  const first = starts[0]
  if (first === undefined || starts.length === 1) return
  const all = Buffer.from(writer.bytes.subarray(first, writer.at))
  const records = starts.map((start, index) => all.subarray(start - first, (starts[index + 1] ?? writer.at) - first))
  let at = first
  for (const record of records.sort(Buffer.compare)) {
    writer.bytes.set(record, at)
    at += record.length
  }
}

const INSERTION_LIMIT = 24

// The first character decides most comparisons, and reading it is cheaper than the call that `>` makes.
function isAfter(name: string, other: string): boolean {
  const difference = name.charCodeAt(0) - other.charCodeAt(0)
  return difference === 0 || Number.isNaN(difference) ? name > other : difference > 0
}

function isSorted(names: readonly string[]): boolean {
  for (let index = 1; index < names.length; index++) {
    if ((names[index - 1] as string) > (names[index] as string)) return false
  }
  return true
}
