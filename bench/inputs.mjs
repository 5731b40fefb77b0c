/** A generator of numbers in [0, 1) that repeats itself for a seed (mulberry32). */
export function seeded(seed) {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}

/** `count` draws from `items`, the nth most frequent with weight 1 / n^s. */
export function zipf(items, count, { s = 1, seed = 1 } = {}) {
  const random = seeded(seed)
  const sums = []
  let total = 0
  for (let rank = 1; rank <= items.length; rank++) {
    total += 1 / rank ** s
    sums.push(total)
  }
  return Array.from({ length: count }, () => items[firstAtLeast(sums, random() * total)])
}

function firstAtLeast(sums, wanted) {
  let low = 0
  let high = sums.length - 1
  while (low < high) {
    const middle = (low + high) >> 1
    if (sums[middle] < wanted) low = middle + 1
    else high = middle
  }
  return low
}

const WORDS =
  'led a team of engineers across three offices and brought the error rate of the search service from four percent to ' +
  'one in ten thousand by measuring every request and removing what nobody used before adding anything new to it'
const words = WORDS.split(' ')

/** About `length` characters of English, different for each `seed`. */
export function textOf(length, seed) {
  const random = seeded(seed)
  let text = ''
  while (text.length < length) text += `${words[Math.floor(random() * words.length)]} `
  // A joined string is a tree until it is first read; flat now, so that no contender pays for the others.
  return Buffer.from(text.slice(0, length)).toString('latin1')
}

/** An object of about 1 KB. */
export function record(seed) {
  return {
    id: `record-${seed}`,
    title: textOf(60, seed),
    body: textOf(700, seed + 1),
    score: seed / 7,
    flags: { remote: seed % 2 === 0, open: true },
    skills: ['typescript', 'node', textOf(20, seed + 2), textOf(20, seed + 3)],
    at: 1_700_000_000_000 + seed,
  }
}

/** A short string of 24 characters. */
export function shortString(seed) {
  return `job:${String(seed).padStart(8, '0')}:de-berlin:x`
}

/** Five fields. */
export function fiveFields(seed) {
  return { jobId: `job-${seed}`, page: seed, remote: true, locale: 'en', radiusKm: 12.5 + seed }
}

/** About 2 KB of nested objects, as JSON. */
export function nested(seed) {
  return {
    resume: { id: `resume-${seed}`, version: seed, contact: { city: 'Berlin', country: 'DE', open: true } },
    positions: Array.from({ length: 5 }, (_, index) => ({
      title: textOf(24, seed + index),
      company: textOf(16, seed + index + 9),
      from: 2010 + index,
      to: 2012 + index,
      current: index === 4,
      summary: textOf(120, seed + index + 20),
      skills: ['node', 'redis', 'sql', `skill-${seed}-${index}`],
    })),
    weights: { title: 0.4, skills: 0.35, years: 0.25, bias: -0.5 },
    options: { language: 'en', strict: false, limits: { tokens: 4096, calls: 3 }, excluded: null },
  }
}

/** A chat request around a prompt of `length` characters. */
export function chat(length, seed) {
  return {
    model: 'small-1',
    temperature: 0.2,
    messages: [
      { role: 'system', content: 'You compare a resume with a job.' },
      { role: 'user', content: textOf(length, seed) },
    ],
  }
}

/** `count` inputs made by `make`, one for each seed. */
export function pool(count, make) {
  return Array.from({ length: count }, (_, index) => make(index + 1))
}

/** Texts of about `length` characters and different lengths: equally long ones would collide as keys of a Map. */
export function texts(count, length) {
  return pool(count, (seed) => textOf(length + 3 * seed, seed))
}
