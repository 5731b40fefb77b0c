import { STOP_WORDS } from './stop-words.js'

/** A text as a bag of terms: single words and phrases can be counted in it. */
export interface TermBag {
  count(term: string): number
  has(term: string): boolean
}

/** A word that carries meaning: how it compares, and how it was written. */
export interface ContentTerm {
  term: string
  label: string
}

/** Splits a text into comparable words: lower case, plural and punctuation gone; `c++`, `c#` and `node.js` stay whole. */
function tokenize(text: string): string[] {
  return words(text).map(stem)
}

/** The comparable form of a word or phrase: `REST APIs` and `rest api` are one term. */
export function termOf(phrase: string): string {
  return tokenize(phrase).join(' ')
}

/** The words of a text that carry meaning, each once, in order of appearance. */
export function contentTerms(text: string): ContentTerm[] {
  const found = new Map<string, ContentTerm>()
  for (const label of words(text)) {
    const term = stem(label)
    const meaningful = term.length > 1 && !STOP_WORDS.has(label) && !STOP_WORDS.has(term) && !/^\d/.test(term)
    if (meaningful && !found.has(term)) found.set(term, { term, label })
  }
  return [...found.values()]
}

/** Makes a bag of a text; phrases are found across words, never across two words' middles. */
export function createTermBag(text: string): TermBag {
  const haystack = ` ${tokenize(text).join(' ')} `
  function count(term: string): number {
    if (term === '') return 0
    const needle = ` ${term} `
    let hits = 0
    // The blank that ends one hit may begin the next.
    for (let at = haystack.indexOf(needle); at >= 0; at = haystack.indexOf(needle, at + needle.length - 1)) hits += 1
    return hits
  }
  return { count, has: (term) => count(term) > 0 }
}

function words(text: string): string[] {
  const found =
    text
      .normalize('NFKC')
      .toLowerCase()
      .match(/[\p{L}\p{N}][\p{L}\p{M}\p{N}+#.]*/gu) ?? []
  return found.map((word) => word.replace(/\.+$/, ''))
}

function stem(word: string): string {
  if (word.length > 4 && word.endsWith('ies')) return `${word.slice(0, -3)}y`
  if (word.length > 3 && word.endsWith('s') && !/(?:ss|us|is|js)$/.test(word)) return word.slice(0, -1)
  return word
}
