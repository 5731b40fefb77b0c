import type { RecordHost } from '../cache/records.js'
import { optionInvalid } from '../errors/option-error.js'
import {
  checkFunction,
  checkShape,
  checkSignal,
  checkText,
  checkTexts,
  resolveClock,
  wholeNumber,
} from '../resilience/option-shape.js'
import type { Clock } from '../runtime/clock.js'
import { type Duration, parseDuration } from '../runtime/duration.js'
import { settings } from '../runtime/settings.js'
import { isSchema, type StandardSchema } from '../runtime/standard-schema.js'
import { resolveTimeout } from './batch-options.js'
import { type BatchConcurrency, resolveConcurrency } from './batch-size.js'
import { checkTasks } from './check-tasks.js'
import type { Answers } from './match-answers.js'
import type { AskUsage } from './split-usage.js'

/** One of several tasks; what else it has is up to `ask`. */
export interface CombinedTask {
  /** What its answer is matched by; different for every task. */
  readonly id: string
}

/** How a task was asked about: with others, with others once more, or alone. */
export type AskKind = 'combined' | 'reask' | 'single'

/** What `ask` is told beside the tasks. */
export interface AskContext {
  /** Aborts at `timeout`, and when nobody waits any more. Made when it is asked for. */
  readonly signal: AbortSignal
  readonly kind: AskKind
}

/** What `ask` returns: the model's text, or the answers with what they used. */
export type AskReply = string | { readonly answers: Answers; readonly usage?: AskUsage }

/** How tasks are asked about together. */
export interface CombineOptions<T extends CombinedTask, V> {
  readonly tasks: readonly T[]
  /** Asks about several tasks with one call. It may answer for some of them. */
  readonly ask: (tasks: readonly T[], context: AskContext) => AskReply | PromiseLike<AskReply>
  /** Every answer has to fit; one that does not is asked for again. */
  readonly schema?: StandardSchema<unknown, V> | ((task: T) => StandardSchema<unknown, V>) | undefined
  /** A namespace in front: only what it lacks is asked, and each answer is kept under its own task's key. */
  readonly in?: RecordHost | undefined
  /** Keeps these answers apart from others in the namespace. @defaultValue `'combined'` */
  readonly name?: string | undefined
  /** What makes a task itself: equal ones are asked about once. @defaultValue the task without its `id` */
  readonly key?: ((task: T) => unknown) | undefined
  readonly ttl?: Duration | undefined
  /** How long after its `ttl` a kept answer may stand in for one that cannot be had; its outcome is then `degraded`. */
  readonly staleIfError?: Duration | undefined
  readonly tags?: readonly string[] | ((task: T) => readonly string[]) | undefined
  readonly scope?: string | undefined
  /** Most tasks in one call. @defaultValue `BATCH_SIZE`, 10 */
  readonly maxTasks?: number | undefined
  /** Calls at once. @defaultValue `BATCH_MAX_WORKERS`, 5 */
  readonly concurrency?: BatchConcurrency | undefined
  /** For one call; `Infinity` for none. @defaultValue `BATCH_TIMEOUT`, 30 s */
  readonly timeout?: Duration | undefined
  readonly signal?: AbortSignal | undefined
  /** A stand-in for a task without an answer; its outcome is then `degraded`. */
  readonly fallback?: ((task: T, error: unknown) => V | PromiseLike<V>) | undefined
  /** Length of a task, to divide what a call used. @defaultValue that of its canonical JSON */
  readonly tokensOf?: ((task: T) => number) | undefined
  /** For tests. */
  readonly clock?: Clock | undefined
}

/** {@link CombineOptions}, checked and complete. */
export interface CombinePlan<T extends CombinedTask, V> extends CombineOptions<T, V> {
  readonly maxTasks: number
  readonly maxCalls: number
  readonly timeoutMs: number
  readonly staleForMs: number
  readonly clock: Clock
  readonly keyOf: (task: T) => unknown
  readonly schemaOf: ((task: T) => StandardSchema<unknown, V>) | undefined
}

const KNOWN = [
  'tasks',
  'ask',
  'schema',
  'in',
  'name',
  'key',
  'ttl',
  'staleIfError',
  'tags',
  'scope',
  'maxTasks',
  'concurrency',
  'timeout',
  'signal',
  'fallback',
  'tokensOf',
  'clock',
] as const satisfies readonly (keyof CombineOptions<CombinedTask, unknown>)[]

/** Checks and completes {@link CombineOptions}. @throws OptionError `ERR_OPTION_INVALID` */
export function resolveCombine<T extends CombinedTask, V>(options: CombineOptions<T, V>): CombinePlan<T, V> {
  checkShape('the combinePrompts options', options, KNOWN)
  const { tasks, ask, schema, key, name } = options
  checkTasks(tasks)
  if (typeof ask !== 'function') throw optionInvalid('ask', 'a function of several tasks', ask)
  for (const option of ['key', 'fallback', 'tokensOf'] as const) checkFunction(options[option], option)
  for (const option of ['name', 'scope'] as const) checkText(options[option], option)
  checkTexts(options.tags, 'tags', true)
  checkSignal(options.signal)
  if (options.ttl !== undefined) parseDuration(options.ttl, 'ttl')
  if (options.in !== undefined && typeof (options.in as Partial<RecordHost> | null)?.records !== 'function') {
    throw optionInvalid('in', 'a namespace of a stash, such as stash.aiResponse', options.in)
  }
  if (name === '') throw optionInvalid('name', 'a text that is not empty', name)
  return {
    ...options,
    maxTasks: wholeNumber(options.maxTasks ?? settings().batchSize, 'maxTasks', 1, true),
    maxCalls: resolveConcurrency(options.concurrency ?? settings().batchMaxWorkers),
    timeoutMs: resolveTimeout(options.timeout),
    staleForMs: parseDuration(options.staleIfError ?? 0, 'staleIfError'),
    clock: resolveClock(options.clock),
    keyOf: key ?? withoutId,
    schemaOf: schemaOf(schema),
  }
}

function schemaOf<T, V>(
  schema: StandardSchema<unknown, V> | ((task: T) => StandardSchema<unknown, V>) | undefined,
): ((task: T) => StandardSchema<unknown, V>) | undefined {
  if (schema === undefined) return undefined
  // Some libraries' schemas are functions, too.
  if (isSchema(schema)) return () => schema as StandardSchema<unknown, V>
  if (typeof schema === 'function') {
    return (task) => {
      const own = schema(task)
      if (isSchema(own)) return own as StandardSchema<unknown, V>
      throw optionInvalid('schema', 'a function that returns a Standard Schema', own)
    }
  }
  throw optionInvalid('schema', 'a Standard Schema (zod, valibot, arktype, …), or a function of a task', schema)
}

/** The id names a task within one call; what it asks is the rest. */
function withoutId(task: CombinedTask): unknown {
  const { id, ...rest } = task
  return Object.keys(rest).length === 0 ? id : rest
}
