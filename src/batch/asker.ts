import { HopstashError } from '../errors/base-error.js'
import { answerInvalid, answerMissing } from '../errors/batch-error.js'
import { optionInvalid } from '../errors/option-error.js'
import { checkSchemaResult } from '../resilience/check-contract.js'
import { classifyError } from '../resilience/classify.js'
import { type Limiter, limiterFrom } from '../resilience/limiter.js'
import { createTimerQueue } from '../resilience/timer-queue.js'
import { pathsOf } from '../runtime/standard-schema.js'
import { boundedCall } from './bounded-call.js'
import type { AskKind, AskReply, CombinedTask, CombinePlan } from './combine-options.js'
import { matchAnswers } from './match-answers.js'
import { type AskUsage, addUsage, NO_USAGE, splitUsage, type UsageShare } from './split-usage.js'

/** One call of `ask`. */
export interface AskReport {
  readonly kind: AskKind
  readonly ids: readonly string[]
  /** Tasks with an answer that fits. */
  readonly answered: number
  readonly missing: number
  /** Answers that did not fit their schema. */
  readonly invalid: number
  /** Ids that came twice with different answers; counted as missing, too. */
  readonly duplicate: number
  /** Answers for ids nobody asked about. */
  readonly foreign: number
  /** The reply was cut off. */
  readonly truncated: boolean
  readonly durationMs: number
  readonly usage: UsageShare
  /** `code` or `name` of what the call failed with. */
  readonly error: string | null
}

/** A task on its way to an answer. */
export interface Question<T, V> {
  readonly task: T
  readonly weight: number
  calls: number
  usage: UsageShare
  kind: AskKind | undefined
  answer: { readonly raw: unknown; readonly value: V } | undefined
  error: unknown
  /** Nobody waits for it any more. */
  left: boolean
}

/** What a call's failure means for its tasks. */
type Verdict = 'answered' | 'again' | 'singly' | 'stop'

interface RunningCall<T, V> {
  readonly questions: readonly Question<T, V>[]
  readonly cancels: Set<(reason: unknown) => void>
}

/** Asks about several tasks: together, the missing ones together again, the rest singly. */
export class Asker<T extends CombinedTask, V> {
  readonly calls: AskReport[] = []
  readonly #running = new Set<RunningCall<T, V>>()
  readonly #plan: CombinePlan<T, V>
  readonly #limiter: Limiter
  readonly #timers

  constructor(plan: CombinePlan<T, V>) {
    this.#plan = plan
    this.#limiter = limiterFrom({ limit: plan.maxCalls, queue: Infinity }, 'ask')
    this.#timers = createTimerQueue(plan.clock)
  }

  /** Never rejects: a question without an answer has an error. At most two calls, and one for each task left. */
  async answer(questions: readonly Question<T, V>[]): Promise<void> {
    const { maxTasks } = this.#plan
    const chunks: (readonly Question<T, V>[])[] = []
    for (let from = 0; from < questions.length; from += maxTasks) chunks.push(questions.slice(from, from + maxTasks))
    await Promise.all(chunks.map((chunk) => this.#answerChunk(chunk)))
  }

  /** A call is aborted when nobody waits for any of its tasks. */
  abandon(question: Question<T, V>, reason: unknown): void {
    question.left = true
    question.error = reason
    for (const { questions, cancels } of [...this.#running]) {
      if (questions.every(({ left }) => left)) for (const cancel of [...cancels]) cancel(reason)
    }
  }

  async #answerChunk(chunk: readonly Question<T, V>[]): Promise<void> {
    const first = await this.#ask(chunk, chunk.length > 1 ? 'combined' : 'single')
    let open = chunk.filter(isOpen)
    if (open.length === 0 || first === 'stop') return
    // Asked alone already, or only one is left: there is nothing to ask for together.
    const again = first === 'again' || (first === 'answered' && (open.length > 1 || chunk.length === 1))
    if (again) {
      const second = await this.#ask(open, chunk.length > 1 ? 'reask' : 'single')
      open = open.filter(isOpen)
      // A provider that is down or overloaded is not asked once more for each task.
      if (second === 'stop' || second === 'again' || chunk.length === 1) return
    }
    await Promise.all(open.map((question) => this.#ask([question], 'single')))
  }

  async #ask(questions: readonly Question<T, V>[], kind: AskKind): Promise<Verdict> {
    if (questions.length === 0) return 'answered'
    const { clock } = this.#plan
    let startedAt = clock.now()
    for (const question of questions) question.calls++
    try {
      const reply = await this.#limiter.run(() => {
        startedAt = clock.now()
        return this.#call(questions, kind)
      })
      await this.#take(questions, kind, reply, startedAt)
      return 'answered'
    } catch (error) {
      for (const question of questions) question.error = error
      this.#report(questions, kind, { missing: questions.length, error: labelOf(error) }, startedAt)
      return questions.every(({ left }) => left) ? 'stop' : verdictOf(error, clock.wall())
    }
  }

  async #call(questions: readonly Question<T, V>[], kind: AskKind): Promise<AskReply> {
    const { ask, clock, timeoutMs } = this.#plan
    const wanted = questions.find(({ left }) => !left)
    if (wanted === undefined) throw questions[0]?.error
    const running: RunningCall<T, V> = { questions, cancels: new Set() }
    const bounds = { label: `A ${kind} call`, timeoutMs, clock, timers: this.#timers, cancels: running.cancels }
    this.#running.add(running)
    try {
      const reply = await boundedCall<AskReply>((lazy) => {
        const context = {
          kind,
          get signal() {
            return lazy.signal
          },
        }
        const tasks = questions.map(({ task }) => task)
        return ask(tasks, context)
      }, bounds)
      checkReply(reply)
      return reply
    } finally {
      this.#running.delete(running)
    }
  }

  /** Takes the answers of one reply, each by itself. */
  async #take(questions: readonly Question<T, V>[], kind: AskKind, reply: AskReply, startedAt: number): Promise<void> {
    const { answers, usage } = partsOf(reply)
    const matched = matchAnswers(answers, new Set(questions.map(({ task }) => task.id)))
    let invalid = 0
    let missing = 0
    for (const question of questions) {
      const { id } = question.task
      if (!matched.byId.has(id)) {
        missing++
        // What was wrong with an earlier answer tells more than that there was none this time.
        question.error ??= answerMissing('A task', question.calls)
        continue
      }
      const raw = matched.byId.get(id)
      const checked = await checkAnswer(this.#plan, question.task, raw)
      if ('error' in checked) {
        invalid++
        question.error = checked.error
      } else {
        question.answer = { raw, value: checked.value }
        question.kind = kind
        question.error = undefined
      }
    }
    const weights = questions.map(({ task, weight }) => ({
      input: weight,
      output: lengthOf(matched.byId.get(task.id)),
    }))
    for (const [at, share] of splitUsage(usage, weights).entries()) {
      const question = questions[at] as Question<T, V>
      question.usage = addUsage(question.usage, share)
    }
    const { duplicate, foreign, truncated } = matched
    this.#report(questions, kind, { missing, invalid, duplicate, foreign, truncated, usage }, startedAt)
  }

  #report(
    questions: readonly Question<T, V>[],
    kind: AskKind,
    counts: Partial<Omit<AskReport, 'usage'>> & { readonly usage?: AskUsage },
    startedAt: number,
  ): void {
    const { missing = 0, invalid = 0, usage = {} } = counts
    const [total = NO_USAGE] = splitUsage(usage, [{ input: 1, output: 1 }])
    this.calls.push({
      kind,
      ids: questions.map(({ task }) => task.id),
      answered: questions.length - missing - invalid,
      missing,
      invalid,
      duplicate: counts.duplicate ?? 0,
      foreign: counts.foreign ?? 0,
      truncated: counts.truncated ?? false,
      durationMs: this.#plan.clock.now() - startedAt,
      usage: total,
      error: counts.error ?? null,
    })
  }
}

/** Passes an answer through the schema of its task. */
export async function checkAnswer<T extends CombinedTask, V>(
  plan: CombinePlan<T, V>,
  task: T,
  raw: unknown,
): Promise<{ readonly value: V } | { readonly error: unknown }> {
  if (plan.schemaOf === undefined) return { value: raw as V }
  try {
    const result = checkSchemaResult(await plan.schemaOf(task)['~standard'].validate(raw))
    if (result.issues === undefined) return { value: result.value }
    return { error: answerInvalid('a task', pathsOf(result.issues)) }
  } catch (error) {
    return { error }
  }
}

/** Length of a value as text: what tokens are roughly proportional to. */
export function lengthOf(value: unknown): number {
  if (typeof value === 'string') return value.length
  try {
    return JSON.stringify(value)?.length ?? 0
  } catch {
    return 1
  }
}

function isOpen({ answer, left, error }: Question<unknown, unknown>): boolean {
  return answer === undefined && !left && !isMistake(error)
}

/** A schema that is none is so however often its task is asked. */
function isMistake(error: unknown): boolean {
  return HopstashError.isInstance(error) && error.code === 'ERR_OPTION_INVALID' && error.context.option === 'schema'
}

/** Nothing, as of a model that refused, is no answer; what is of another shape is a mistake in `ask`. */
function checkReply(reply: unknown): void {
  if (reply === undefined || reply === null || typeof reply === 'string') return
  if (typeof reply === 'object' && 'answers' in reply) return
  throw optionInvalid('ask', "a function that resolves with the model's text or `{ answers, usage }`", reply)
}

function partsOf(reply: AskReply): { readonly answers: unknown; readonly usage: AskUsage } {
  if (typeof reply === 'string') return { answers: reply, usage: {} }
  const { answers, usage } = (reply ?? {}) as Partial<Exclude<AskReply, string>>
  return { answers, usage: usage ?? {} }
}

// Overload and outages pass, or do not, for all tasks alike; a request that is too long or malformed is another one for each task.
function verdictOf(error: unknown, wallNow: number): Verdict {
  const { kind, status, retryable, code, name } = classifyError(error, wallNow)
  // A key that is refused, or an `ask` that is written wrongly, is so each time.
  if (kind === 'auth' || code === 'ERR_OPTION_INVALID') return 'stop'
  if (status !== null || HopstashError.isInstance(error)) return retryable ? 'again' : 'singly'
  return code === null && name !== 'TimeoutError' ? 'answered' : 'again'
}

function labelOf(error: unknown): string {
  const { code, name } = classifyError(error, 0)
  return code ?? name ?? 'Error'
}
