import { digestOf } from '../keys/digest.js'
import { type IdentifiedAnswer, readAnswers } from './combined-text.js'

/** Answers as `ask` may return them: the model's text, entries, a Map, or a record by id. */
export type Answers =
  | string
  | readonly IdentifiedAnswer[]
  | ReadonlyMap<string, unknown>
  | Readonly<Record<string, unknown>>

/** Which task has which answer. */
export interface MatchedAnswers {
  readonly byId: ReadonlyMap<string, unknown>
  /** Ids that came more than once with different answers: none of them counts. */
  readonly duplicate: number
  /** Ids nobody asked about. */
  readonly foreign: number
  readonly truncated: boolean
}

/** Matches answers with the ids that were asked about; nothing is ever matched by its place. */
export function matchAnswers(answers: unknown, ids: ReadonlySet<string>): MatchedAnswers {
  const { entries, truncated } = entriesOf(answers)
  const byId = new Map<string, unknown>()
  const doubtful = new Set<string>()
  let foreign = 0
  for (const { id, value } of entries) {
    if (!ids.has(id)) foreign++
    else if (!byId.has(id)) byId.set(id, value)
    else if (!isSame(byId.get(id), value)) doubtful.add(id)
  }
  // One of the two belongs to another task, and nothing tells which.
  for (const id of doubtful) byId.delete(id)
  return { byId, duplicate: doubtful.size, foreign, truncated }
}

function entriesOf(answers: unknown): { entries: readonly IdentifiedAnswer[]; truncated: boolean } {
  if (typeof answers === 'string') {
    const { answers: entries, truncated } = readAnswers(answers)
    return { entries, truncated }
  }
  const toEntry = ([id, value]: readonly [unknown, unknown]) => ({ id: String(id), value })
  if (answers instanceof Map) return { entries: [...answers].map(toEntry), truncated: false }
  if (Array.isArray(answers)) return { entries: answers.filter(isEntry), truncated: false }
  if (typeof answers !== 'object' || answers === null) return { entries: [], truncated: false }
  return { entries: Object.entries(answers).map(toEntry), truncated: false }
}

function isEntry(entry: unknown): entry is IdentifiedAnswer {
  return (
    typeof entry === 'object' &&
    entry !== null &&
    typeof (entry as { id?: unknown }).id === 'string' &&
    'value' in entry
  )
}

function isSame(one: unknown, other: unknown): boolean {
  if (Object.is(one, other)) return true
  try {
    return digestOf(one) === digestOf(other)
  } catch {
    return false
  }
}
