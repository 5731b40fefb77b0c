import { isObject, parsed } from './json-value.js'

/**
 * An answer of every format that says who gave it and what it cost, and nothing else: out of the beginning and the end of
 * one that is not there as a whole.
 */
export function summaryOf(beginning: string, end: string): unknown {
  const model = MODEL.exec(beginning)?.[1] ?? MODEL.exec(end)?.[1]
  const usage = lastObject(end, USAGE)
  return { type: 'message', model, modelVersion: model, usage, usageMetadata: usage }
}

// In a text of the answer itself these have backslashes before their quotes.
const MODEL = /"(?:model|modelVersion)"\s*:\s*"([^"\\]*)"/
const USAGE = /"(?:usage|usageMetadata)"\s*:\s*(?=\{)/g
/** Each that does not end is read to the end of the text, and a broken text may hold any number of them. */
const MOST_TRIES = 8

function lastObject(text: string, name: RegExp): unknown {
  for (const found of [...text.matchAll(name)].slice(-MOST_TRIES).reverse()) {
    const start = found.index + found[0].length
    const value = parsed(text.slice(start, endOfObject(text, start)))
    if (isObject(value)) return value
  }
  return undefined
}

function endOfObject(text: string, start: number): number {
  let depth = 0
  for (let at = start; at < text.length; at++) {
    const character = text[at]
    if (character === '"') at = endOfText(text, at)
    else if (character === '{') depth++
    else if (character === '}' && --depth === 0) return at + 1
  }
  return text.length
}

function endOfText(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === '\\') at++
    else if (text[at] === '"') return at
  }
  return text.length
}
