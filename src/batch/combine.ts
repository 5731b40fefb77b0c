import type { RecordContext, RecordOptions } from '../cache/records.js'
import { HopstashError } from '../errors/base-error.js'
import { digestOf } from '../keys/digest.js'
import { onceAborted } from '../runtime/abort.js'
import { Asker, checkAnswer, lengthOf, type Question } from './asker.js'
import { type CombinedTask, type CombineOptions, type CombinePlan, resolveCombine } from './combine-options.js'
import { type CombineResult, resultOf, type TaskOutcome } from './combine-result.js'
import { Gate } from './gate.js'
import { type ItemReason, type ItemUndone, itemCancelled, itemFailed } from './item-outcome.js'
import { NO_USAGE } from './split-usage.js'

/**
 * Asks about several tasks with one call of a model, and takes each answer by itself.
 *
 * Answers are matched by id, never by place: one that is missing, comes twice with different content, does not fit the
 * schema or was cut off is asked for again, together with the others like it, then singly; ids nobody asked about are
 * dropped. With `in`, only tasks it lacks are asked, each answer is kept under its own task's key, and equal tasks of
 * calls at the same time are asked once. An overloaded or failing provider is asked twice, not once for each task.
 * Resolves with an outcome a task; it does not reject for a task or a call.
 *
 * @throws {OptionError} `ERR_OPTION_INVALID`, as a rejection.
 * @example
 * import { combinedPrompt, combinePrompts } from 'hopstash/batch'
 * const model = async (_prompt: string) => '{"answers":[{"id":"b","answer":"B"},{"id":"a","answer":"A"}]}'
 * const { values, report } = await combinePrompts({
 *   tasks: [{ id: 'a', prompt: 'Say A' }, { id: 'b', prompt: 'Say B' }],
 *   ask: (tasks) => model(combinedPrompt(tasks)),
 * })
 * values.get('a') // => 'A'
 * report.calls.length // => 1
 */
export async function combinePrompts<T extends CombinedTask, V = unknown>(
  options: CombineOptions<T, V>,
): Promise<CombineResult<V>> {
  const plan = resolveCombine(options)
  const { clock, tasks } = plan
  const startedAt = clock.now()
  const asker = new Asker(plan)
  const gate = new Gate<Question<T, V>>(clock, (questions) => asker.answer(questions))
  const groups = groupEqual(plan)
  const run: Run<T, V> = { plan, asker, gate }
  const release = gate.hold()
  const answered = [...groups.values()].map((group) => outcomeOfGroup(run, group))
  release()
  const outcomes = new Map<string, TaskOutcome<V>>()
  for (const group of await Promise.all(answered)) for (const outcome of group) outcomes.set(outcome.id, outcome)
  return resultOf(
    tasks.map(({ id }) => outcomes.get(id) as TaskOutcome<V>),
    asker.calls,
    tasks.length - groups.size,
    clock.now() - startedAt,
  )
}

/** What the tasks of one call of {@link combinePrompts} share. */
interface Run<T extends CombinedTask, V> {
  readonly plan: CombinePlan<T, V>
  readonly asker: Asker<T, V>
  readonly gate: Gate<Question<T, V>>
}

/** Tasks with equal keys, the first of which is asked for all; one without a canonical key is like no other. */
function groupEqual<T extends CombinedTask, V>({ tasks, keyOf }: CombinePlan<T, V>): Map<unknown, T[]> {
  const groups = new Map<unknown, T[]>()
  for (const task of tasks) {
    let key: unknown = task
    try {
      key = digestOf(keyOf(task))
    } catch {
      // Then it is itself.
    }
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [task])
    else group.push(task)
  }
  return groups
}

async function outcomeOfGroup<T extends CombinedTask, V>(
  run: Run<T, V>,
  group: readonly T[],
): Promise<TaskOutcome<V>[]> {
  const [task] = group as readonly [T]
  const { plan } = run
  const question = questionOf(plan, task)
  const answer = await answerOf(run, question)
  const first = await withFallback(plan, task, answer, question)
  const others = group.slice(1).map((other) => outcomeOfOther(plan, other, answer))
  return [first, ...(await Promise.all(others))]
}

/** An equal task shares the answer, and passes it through its own schema. */
async function outcomeOfOther<T extends CombinedTask, V>(
  plan: CombinePlan<T, V>,
  task: T,
  answer: Answer<V>,
): Promise<TaskOutcome<V>> {
  if (answer.status !== 'ok' && answer.status !== 'degraded') return withFallback(plan, task, answer, undefined)
  const checked = await checkAnswer(plan, task, answer.raw)
  const own: Answer<V> =
    'error' in checked ? itemFailed(checked.error, 'contract_output') : { ...answer, value: checked.value }
  return withFallback(plan, task, own, undefined)
}

type Answer<V> =
  | { readonly status: 'ok'; readonly value: V; readonly raw: unknown; readonly source: 'live' | 'cache' | 'stale' }
  | {
      readonly status: 'degraded'
      readonly value: V
      readonly raw: unknown
      readonly source: 'stale'
      readonly reason: ItemReason
      readonly error: unknown
    }
  | ItemUndone

async function answerOf<T extends CombinedTask, V>(run: Run<T, V>, question: Question<T, V>): Promise<Answer<V>> {
  const { plan, asker, gate } = run
  if (plan.in === undefined) return askedAnswer(run, question)
  const release = gate.hold()
  try {
    const records = plan.in.records<unknown>(plan.name ?? 'combined')
    const load = async (context: RecordContext): Promise<unknown> => {
      const asked = gate.ask(question)
      release()
      // Who gave no signal stays to the end. Others may wait for this load, too: it is theirs as long as one of them does.
      const unlisten =
        plan.signal === undefined ? ignore : onceAborted(context.signal, (reason) => asker.abandon(question, reason))
      await asked
      unlisten()
      if (question.answer === undefined) throw question.error
      const { inputTokens, outputTokens, costUsd } = question.usage
      context.usage.add({ tokens: inputTokens + outputTokens, money: costUsd })
      return question.answer.raw
    }
    const { value: raw, status } = await records.load(
      plan.keyOf(question.task),
      load,
      recordOptions(plan, question.task),
    )
    release()
    if (question.answer !== undefined && status !== 'stale') {
      return { status: 'ok', value: question.answer.value, raw, source: 'live' }
    }
    const checked = await checkAnswer(plan, question.task, raw)
    // Kept under an older schema: as good as missing.
    if ('error' in checked) return askedAnswer(run, question)
    const { value } = checked
    return { status: 'ok', value, raw, source: status === 'stale' ? 'stale' : 'cache' }
  } catch (error) {
    return (await keptAnswer(plan, question.task, error)) ?? undone(plan, error)
  } finally {
    release()
  }
}

/** The answer the namespace still has, if it may stand in. */
async function keptAnswer<T extends CombinedTask, V>(
  plan: CombinePlan<T, V>,
  task: T,
  error: unknown,
): Promise<Answer<V> | undefined> {
  if (plan.in === undefined || plan.staleForMs === 0 || plan.signal?.aborted === true) return undefined
  const records = plan.in.records<unknown>(plan.name ?? 'combined')
  const { scope } = plan
  const kept = await records.stale(plan.keyOf(task), plan.staleForMs, scope === undefined ? {} : { scope })
  if (kept === undefined) return undefined
  const checked = await checkAnswer(plan, task, kept.value)
  if ('error' in checked) return undefined
  return { status: 'degraded', value: checked.value, raw: kept.value, source: 'stale', reason: reasonOf(error), error }
}

async function askedAnswer<T extends CombinedTask, V>(
  { plan, asker, gate }: Run<T, V>,
  question: Question<T, V>,
): Promise<Answer<V>> {
  const { signal } = plan
  if (signal?.aborted === true) return itemCancelled(signal.reason)
  const unlisten = onceAborted(signal, (reason) => asker.abandon(question, reason))
  await gate.ask(question)
  unlisten()
  if (question.answer === undefined) return undone(plan, question.error)
  return { status: 'ok', ...question.answer, source: 'live' }
}

async function withFallback<T extends CombinedTask, V>(
  plan: CombinePlan<T, V>,
  task: T,
  answer: Answer<V>,
  question: Question<T, V> | undefined,
): Promise<TaskOutcome<V>> {
  const about = { id: task.id, kind: question?.kind ?? null, usage: question?.usage ?? NO_USAGE }
  if (answer.status === 'ok' || answer.status === 'degraded') {
    const { raw: _raw, ...outcome } = answer
    return { ...outcome, ...about }
  }
  if (answer.status !== 'failed' || plan.fallback === undefined) return { ...answer, ...about }
  const { reason, error } = answer
  try {
    const value = await plan.fallback(task, error)
    return { status: 'degraded', value, source: 'function', reason, error, ...about }
  } catch {
    // A stand-in that cannot be had changes nothing about what went wrong.
    return { ...answer, ...about }
  }
}

function questionOf<T extends CombinedTask, V>({ tokensOf }: CombinePlan<T, V>, task: T): Question<T, V> {
  const weight = weigh(tokensOf ?? lengthOf, task)
  return { task, weight, calls: 0, usage: NO_USAGE, kind: undefined, answer: undefined, error: undefined, left: false }
}

/** A length that cannot be told divides the bill less well, and costs no answer. */
function weigh<T>(lengthOfTask: (task: T) => number, task: T): number {
  try {
    return lengthOfTask(task)
  } catch {
    return 1
  }
}

function recordOptions<T extends CombinedTask, V>(plan: CombinePlan<T, V>, task: T): RecordOptions<unknown> {
  const { ttl, tags, scope, signal, staleForMs } = plan
  return {
    ...(staleForMs > 0 && { keepStaleFor: staleForMs }),
    ...(ttl !== undefined && { ttl }),
    ...(tags !== undefined && { tags: typeof tags === 'function' ? tags(task) : tags }),
    ...(scope !== undefined && { scope }),
    ...(signal !== undefined && { signal }),
  }
}

function undone(plan: { readonly signal?: AbortSignal | undefined }, error: unknown): ItemUndone {
  if (plan.signal?.aborted === true) return itemCancelled(error)
  const reason = reasonOf(error)
  return itemFailed(error, reason === 'timeout' || reason === 'contract_output' ? reason : 'error')
}

function reasonOf(error: unknown): ItemReason {
  if (!HopstashError.isInstance(error)) return 'error'
  if (error.code === 'ERR_CONTRACT' || error.code === 'ERR_ANSWER_MISSING') return 'contract_output'
  return error.code === 'ERR_BATCH_TIMEOUT' || error.code === 'ERR_LOAD_TIMEOUT' ? 'timeout' : 'error'
}

function ignore(): void {}
