import { optionInvalid } from '../errors/option-error.js'
import { checkTasks } from './check-tasks.js'
import { readJsonPrefix } from './json-prefix.js'

/** One answer, by the id of its task. */
export interface IdentifiedAnswer {
  readonly id: string
  readonly value: unknown
}

/** Answers read out of a text. */
export interface ReadAnswers {
  readonly answers: readonly IdentifiedAnswer[]
  /** The text ended, or stopped being JSON, before its last bracket. */
  readonly truncated: boolean
}

/** Brackets that are tried as the beginning of the answers, for a model that talks first. */
const MAX_STARTS = 20
const MAX_LENGTH = 8_000_000

/**
 * Puts several tasks into one prompt that asks for answers by id; {@link readAnswers} reads what comes back.
 *
 * Every task is a line of JSON, so that nothing a task says can look like another task.
 *
 * @param textOf What a task asks. By default its `prompt`.
 * @throws OptionError `ERR_OPTION_INVALID`
 * @example
 * import { combinedPrompt } from 'hopstash/batch'
 * combinedPrompt([{ id: 'a', prompt: 'Shorten: …' }]).split('\n').at(-1) // => '{"id":"a","task":"Shorten: …"}'
 */
export function combinedPrompt<T extends { readonly id: string }>(
  tasks: readonly T[],
  textOf: (task: T) => string = promptOf,
): string {
  checkTasks(tasks)
  if (typeof textOf !== 'function') throw optionInvalid('textOf', 'a function of a task', textOf)
  return [
    `Work on each of the following ${tasks.length} tasks by itself, as if it were the only one.`,
    'Reply with one JSON object and nothing else: {"answers":[{"id":"id of the task","answer":"answer to it"}]}',
    'It has exactly one entry for each task, with the id of that task as it is written here.',
    ...tasks.map((task) => JSON.stringify({ id: task.id, task: textOf(task) })),
  ].join('\n')
}

/**
 * Reads answers by id out of a model's text: `{"answers": [{"id", "answer"}]}`, a bare list, or a record by id, with or
 * without prose or a code fence around it. Of a text that was cut off, every answer that is whole.
 *
 * @example
 * import { readAnswers } from 'hopstash/batch'
 * readAnswers('{"answers":[{"id":"a","answer":1},{"id":"b","ans').answers // => [{ id: 'a', value: 1 }]
 */
export function readAnswers(text: string): ReadAnswers {
  if (typeof text !== 'string' || text.length > MAX_LENGTH) return { answers: [], truncated: true }
  let from = 0
  let truncated = false
  for (let start = 0; start < MAX_STARTS; start++) {
    const at = nextBracket(text, from)
    if (at === -1) break
    const { value, partial, complete } = readJsonPrefix(text, at)
    const answers = answersIn(value, partial)
    truncated = !complete
    if (answers.length > 0 || (!complete && !isEmpty(value))) return { answers, truncated }
    // A bracket of the prose around the answers. What is inside of half an answer is none.
    from = at + 1
  }
  return { answers: [], truncated }
}

function nextBracket(text: string, from: number): number {
  const brace = text.indexOf('{', from)
  const bracket = text.indexOf('[', from)
  if (brace === -1 || bracket === -1) return Math.max(brace, bracket)
  return Math.min(brace, bracket)
}

function answersIn(value: unknown, partial: ReadonlySet<object>): IdentifiedAnswer[] {
  if (Array.isArray(value)) return value.flatMap((element) => entryOf(element, partial))
  if (typeof value !== 'object' || value === null) return []
  const inner = Object.hasOwn(value, 'answers') ? (value as { readonly answers: unknown }).answers : undefined
  if (Array.isArray(inner)) return answersIn(inner, partial)
  const single = entryOf(value, partial)
  if (single.length > 0) return single
  const isInner = typeof inner === 'object' && inner !== null
  // What has an id is an entry that lacks something, not a record by id.
  if (!isInner && Object.hasOwn(value, 'id')) return []
  const record = isInner ? inner : value
  return Object.entries(record).flatMap(([id, member]) => (isPartial(member, partial) ? [] : [{ id, value: member }]))
}

/** An entry that was cut is none, even if its id and a part of its answer are there. */
function entryOf(element: unknown, partial: ReadonlySet<object>): IdentifiedAnswer[] {
  if (typeof element !== 'object' || element === null || partial.has(element)) return []
  const { id, ...rest } = element as Record<string, unknown>
  if (typeof id !== 'string' && typeof id !== 'number') return []
  const name = ['answer', 'value'].find((known) => Object.hasOwn(rest, known))
  return name === undefined ? [] : [{ id: String(id), value: rest[name] }]
}

function isEmpty(value: unknown): boolean {
  return typeof value !== 'object' || value === null || Object.keys(value).length === 0
}

function isPartial(value: unknown, partial: ReadonlySet<object>): boolean {
  return typeof value === 'object' && value !== null && partial.has(value)
}

function promptOf(task: { readonly id: string; readonly prompt?: unknown }): string {
  return String(task.prompt ?? '')
}
