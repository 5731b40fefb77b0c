import type { RecordHost } from '../cache/records.js'
import { optionInvalid } from '../errors/option-error.js'
import { checkFlag, checkFunction, checkShape, positiveDuration, resolveClock } from '../resilience/option-shape.js'
import { createTimerQueue } from '../resilience/timer-queue.js'
import { linkedController } from '../runtime/abort.js'
import type { Clock } from '../runtime/clock.js'
import { type Duration, parseDuration } from '../runtime/duration.js'
import { type AnswerRun, checkRunCache, createCachedRuns, type RunCache } from './cached-runs.js'
import { declareHop, declareInline, type InlineOptions } from './declare-hop.js'
import { checkHopName, definitionOf, type Hop } from './define-hop.js'
import type { Logger } from './hop-context.js'
import { describePlan, type Plan, unknownNeed } from './plan.js'
import { type DeclaredHop, planHops } from './plan-hops.js'
import type { AnyWiring, Values } from './planned-hop.js'
import { checkDefaults, type HopPolicies } from './policies.js'
import { createRepeatedRuns, type StartRun } from './repeated-runs.js'
import type { RunReport } from './report.js'
import { type PipelinePlan, Run, type RunRequest } from './run.js'
import { type RunEvent, streamRun } from './run-events.js'
import { createRunListeners, type RunObserver } from './run-listeners.js'
import { createRunMeter, type RunMetrics } from './run-metrics.js'
import { bareRequest, type RunOptions, resolveRun } from './run-options.js'
import { LazyResult, type RunResult } from './run-result.js'
import type { Sight } from './sight.js'
import { stateOf, type UpstreamState } from './upstream.js'
import type { Absent, InlineHop, PayloadPart, Presence, UnknownInline, UnknownWiring, WiringBase } from './wiring.js'

/** Options of a pipeline. */
export interface PipelineOptions {
  /** What its hops leave out. @defaultValue 30 s for an attempt, 1 attempt, nothing else; see `resilient` */
  readonly defaults?: HopPolicies | undefined
  /** Bound of a whole run, unless the run brings its own. @defaultValue none */
  readonly deadline?: Duration | undefined
  /** What is kept of a run's deadline for fallbacks and assembly. @defaultValue 5 % of it, at most 200 ms */
  readonly reserve?: Duration | undefined
  /** Cancels what still runs once a required hop has failed. @defaultValue `false`: independent hops finish */
  readonly failFast?: boolean | undefined
  /** Where hops log. @defaultValue nowhere */
  readonly logger?: Logger | undefined
  /** Is told of every run. What it throws is ignored. */
  readonly onRun?: ((report: RunReport) => void) | undefined
  readonly clock?: Clock | undefined
}

/** A pipeline that can run. */
export interface Pipeline<In, Output, Clients, Names extends string = string> {
  readonly name: string
  /** Runs it. Rejects for impossible options only, never for a hop. */
  run(input: In, options?: RunOptions<Clients>): Promise<RunResult<Output, Names>>
  /**
   * Runs it, and tells what happens: from `run:start` to `run:end`, which has the result. Begins with the first event
   * asked for; leaving the loop cancels the run. A run that is joined, or answered from a cache, has no events of hops.
   */
  stream(input: In, options?: RunOptions<Clients>): AsyncGenerator<RunEvent<Output, Names>, void, undefined>
  /** What a run will do at worst, and what is missing for a bad day. */
  plan(): Plan
  /** What its runs came to so far, hop by hop. */
  metrics(): RunMetrics<Names>
  /**
   * Tells `observer` the report of every run from now on, until the function it returns is called.
   *
   * @throws OptionError `ERR_OPTION_INVALID` for what is no function.
   */
  subscribe(observer: RunObserver): () => void
}

/** A pipeline to which hops are added. Each method returns a new one. */
export interface PipelineBuilder<In, Known, Clients> {
  /** Adds a hop that needs some of those added before, so that a cycle cannot be written. */
  hop<
    const Name extends string,
    HopIn,
    Out,
    Client,
    Guarded extends boolean,
    const Needs extends readonly (keyof Known & string)[] = readonly [],
    Given extends Presence = object,
  >(
    name: NewName<Name, Known>,
    hop: Hop<HopIn, Out, Client, Guarded>,
    wiring: WiringBase<In, Known, Needs> & PayloadPart<In, Known, Needs, NoInfer<HopIn>> & Given & UnknownWiring<Given>,
  ): PipelineBuilder<In, Known & With<Name, Out | Absent<Given>>, Clients & With<Name, Client>>
  /** Adds a hop declared in place. */
  hop<
    const Name extends string,
    Returned,
    Out = Awaited<Returned>,
    const Needs extends readonly (keyof Known & string)[] = readonly [],
    Host extends RecordHost | undefined = undefined,
    Given extends Presence = object,
  >(
    name: NewName<Name, Known>,
    hop: InlineHop<In, Known, Needs, Returned, Out, Host> & Given & UnknownInline<Given>,
  ): PipelineBuilder<In, Known & With<Name, Out | Absent<Given>>, Clients>
  /**
   * Keeps the outputs of whole runs that were `ok`. A run that is answered from there calls no hop: its report has source
   * `cache`, and its hops the reason `run_cached`. Runs with `clients` neither read nor fill it.
   *
   * @throws OptionError `ERR_OPTION_INVALID`
   */
  cache(cache: RunCache<In>): PipelineBuilder<In, Known, Clients>
  /** Ends the declaration: builds the output from the values of all hops. */
  assemble<Output>(
    assemble: (
      values: { readonly input: In } & Known,
      sight: Sight<keyof Known & string>,
    ) => Output | PromiseLike<Output>,
  ): Pipeline<In, Output, Clients, keyof Known & string>
}

type With<Name extends string, Value> = { readonly [Key in Name]: Value }
type NewName<Name extends string, Known> = Name &
  (Name extends keyof Known ? `There is a hop named '${Name}'` : unknown)

const KNOWN = ['defaults', 'deadline', 'reserve', 'failFast', 'logger', 'onRun', 'clock']

/**
 * Begins a pipeline.
 *
 * @throws OptionError `ERR_OPTION_INVALID`; its `hop` also PipelineError `ERR_PIPELINE_INVALID`, `ERR_NAME_TAKEN`
 * @example
 * import { pipeline, resilient } from 'hopstash/pipeline'
 * const greet = pipeline<{ name: string }>('greet', { defaults: resilient })
 *   .hop('upper', { run: ({ input }) => input.name.toUpperCase() })
 *   .hop('greeting', { needs: ['upper'], run: ({ upper }) => `Hello ${upper}`, fallback: ['Hello'] })
 *   .assemble(({ greeting }) => ({ greeting }))
 * const run = await greet.run({ name: 'Ada' })
 * run.output // => { greeting: 'Hello ADA' }
 */
export function pipeline<In>(name: string, options: PipelineOptions = {}): PipelineBuilder<In, unknown, unknown> {
  checkHopName('pipeline name', name)
  checkOptions(options)
  return builder(name, options, [], undefined) as PipelineBuilder<In, unknown, unknown>
}

/** Makes a pipeline of declared hops. @throws OptionError, PipelineError */
export function assemblePipeline(
  name: string,
  options: PipelineOptions,
  declared: readonly DeclaredHop[],
  assemble: (values: Values, sight: Sight) => unknown,
  cache?: RunCache<unknown>,
): Pipeline<unknown, unknown, unknown> {
  if (typeof assemble !== 'function') throw optionInvalid('assemble', 'a function of the values', assemble)
  const clock = resolveClock(options.clock)
  const plan: PipelinePlan = {
    name,
    engine: { clock, timers: createTimerQueue(clock) },
    hops: planHops(name, declared, options.defaults ?? {}, clock),
    assemble,
    reserveMs: reserveOf(options.reserve),
    failFast: options.failFast === true,
    logger: options.logger,
  }
  const deadlineMs = options.deadline === undefined ? Infinity : parseDuration(options.deadline, 'deadline')
  const meter = createRunMeter(
    name,
    plan.hops.map((hop) => hop.name),
    () => readUpstreams(plan),
  )
  const listeners = createRunListeners(options.onRun)
  const conclude = (run: Run): RunResult<unknown> => {
    meter.record(run)
    const result = new LazyResult(run) as RunResult<unknown>
    listeners.tell(result)
    return result
  }
  const begin = (request: RunRequest, resolve: (result: RunResult<unknown>) => void): void => {
    new Run(plan, request, (run) => resolve(conclude(run))).start()
  }
  const answer: AnswerRun = (request, startedAt, { value, status, ageMs }) => {
    const run = new Run(plan, { ...request, cached: { status, ageMs } }, () => {})
    run.answer(value.output, startedAt)
    return conclude(run)
  }
  const uncached: StartRun = (request) => new Promise((resolve) => begin(request, resolve))
  const start =
    cache === undefined ? uncached : createCachedRuns({ pipeline: name, cache, start: uncached, answer, clock })
  const repeated = createRepeatedRuns(start, clock)
  const requestOf = (input: unknown, given: RunOptions | undefined): RunRequest =>
    given === undefined ? bareRequest(input, deadlineMs) : resolveRun(plan, input, given, deadlineMs)
  const startOnce: StartRun = (request) => {
    const { idempotencyKey, clients } = request
    // What fakes answer is nobody else's answer.
    return idempotencyKey === undefined || clients !== undefined
      ? start(request)
      : repeated.run(idempotencyKey, request)
  }
  return Object.freeze({
    name,
    plan: () => describePlan(plan, deadlineMs),
    metrics: () => meter.read(),
    subscribe: listeners.subscribe,
    run(input: unknown, runOptions?: RunOptions) {
      return new Promise<RunResult<unknown>>((resolve) => {
        const request = requestOf(input, runOptions)
        if (cache === undefined && request.idempotencyKey === undefined) begin(request, resolve)
        else resolve(startOnce(request))
      })
    },
    stream(input: unknown, runOptions?: RunOptions) {
      return streamRun(name, clock, async (listener, signal) => {
        const request = requestOf(input, runOptions)
        const caller = linkedController(signal, request.signal)
        try {
          return await startOnce({ ...request, ...listener, signal: caller.signal })
        } finally {
          caller.release()
        }
      })
    },
  })
}

/** Checks options of a pipeline. @throws OptionError `ERR_OPTION_INVALID` */
export function checkOptions(options: PipelineOptions): void {
  checkShape('pipeline', options, KNOWN)
  if (options.defaults !== undefined) checkDefaults('defaults', options.defaults)
  if (options.deadline !== undefined) positiveDuration(options.deadline, 'deadline')
  if (options.reserve !== undefined) parseDuration(options.reserve, 'reserve')
  checkFlag(options.failFast, 'failFast')
  checkFunction(options.logger, 'logger', 'a function of level, message and fields')
  checkFunction(options.onRun, 'onRun', 'a function of the report')
}

function readUpstreams({ hops, engine }: PipelinePlan): Record<string, UpstreamState> {
  const upstreams = hops.flatMap((hop) => [hop, ...hop.providers]).map((called) => called?.upstream)
  const now = engine.clock.now()
  return Object.fromEntries(upstreams.flatMap((one) => (one === undefined ? [] : [[one.name, stateOf(one, now)]])))
}

function builder(
  name: string,
  options: PipelineOptions,
  declared: readonly DeclaredHop[],
  cache: RunCache<unknown> | undefined,
): object {
  return Object.freeze({
    hop(hopName: string, hop: Hop<never, unknown, unknown, boolean> | InlineOptions, wiring: AnyWiring = {}) {
      const added = declare(name, hopName, hop, wiring)
      const known = declared.map((earlier) => earlier.name)
      for (const need of added.needs) if (!known.includes(need)) throw unknownNeed(name, hopName, need, known)
      return builder(name, options, [...declared, added], cache)
    },
    cache(where: RunCache<unknown>) {
      checkRunCache(where)
      return builder(name, options, declared, Object.freeze({ ...where }))
    },
    assemble: (assemble: (values: Values, sight: Sight) => unknown) =>
      assemblePipeline(name, options, declared, assemble, cache),
  })
}

function declare(
  pipelineName: string,
  name: string,
  hop: Hop<never, unknown, unknown, boolean> | InlineOptions,
  wiring: AnyWiring,
): DeclaredHop {
  checkHopName('hop name', name)
  if (typeof hop !== 'object' || hop === null) {
    throw optionInvalid(`hop '${name}'`, 'what `defineHop` made, or options with `run`', hop)
  }
  return 'definition' in hop
    ? declareHop(name, definitionOf(`hop '${name}'`, hop), wiring)
    : declareInline(pipelineName, name, hop)
}

function reserveOf(reserve: Duration | undefined): (deadlineMs: number) => number {
  if (reserve === undefined) return (deadlineMs) => Math.min(deadlineMs * 0.05, 200)
  const reserveMs = parseDuration(reserve, 'reserve')
  return (deadlineMs) => Math.min(deadlineMs, reserveMs)
}
