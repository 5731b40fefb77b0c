import { createStash, preset, presets } from 'hopstash'
import {
  defineHop,
  type Hop,
  type HopContext,
  type HopPolicies,
  type Pipeline,
  type PipelineOptions,
  pipeline,
  resilient,
  staleFor,
} from 'hopstash/pipeline'
import { z } from 'zod'
import type { AnalysisPayload, AnalysisRequest, HopName } from './answer.js'
import { bareProfile, keywordAnalysis, templateSection } from './fallbacks.js'
import { createModuleClient, type ModuleClient } from './module-client.js'
import { jsonResume } from './modules/documents.js'
import { fastSvmContract } from './modules/fast-svm/contract.js'
import { type Analysis, hermesContract } from './modules/hermes/contract.js'
import { imaginatorContract } from './modules/imaginator/contract.js'
import { jobSearchContract } from './modules/job-search/contract.js'
import { loaderContract } from './modules/loader/contract.js'

/** What a million tokens cost, in US dollars. Illustrative: put your provider's prices here. */
export const USD_PER_MILLION_TOKENS = { input: 2.5, output: 10 }

/** How long one attempt may take. */
const TIMEOUTS = { loader: '2s', fastsvm: '1s', hermes: '3s', imaginator: '15s', jobs: '2s' } as const
/** Longer than the worst case of the hops that wait for each other: see `plan()`. */
const DEADLINE = '60s'

/** Where a module is, and the token that it alone accepts. */
interface Endpoint {
  url: string
  token: string
}

/** The endpoints of all modules. */
export type Endpoints = Record<'loader' | 'fastSvm' | 'hermes' | 'imaginator' | 'jobSearch', Endpoint>

/** The stash of the back end: every preset, some of them with types and lifetimes of our own. */
export function createAppStash() {
  return createStash({
    namespaces: {
      ...presets,
      evaluation: preset('evaluation', { ttl: '30d' }).as<Analysis>(),
      aiResponse: preset('aiResponse', { ttl: '1h' }),
    },
  })
}
export type AppStash = ReturnType<typeof createAppStash>

type Input<Contract extends { input: z.ZodType }> = z.input<Contract['input']>
type Output<Contract extends { output: z.ZodType }> = z.output<Contract['output']>
type ModuleHop<In, Out> = Hop<In, Out, ModuleClient, boolean>

/** The five modules as hops. */
export interface Hops {
  loader: ModuleHop<{ resume: z.input<typeof jsonResume> }, Output<typeof loaderContract>>
  /** `null`: FastSVM has nothing to say, and nobody else can say it. */
  fastsvm: ModuleHop<Input<typeof fastSvmContract>, Output<typeof fastSvmContract> | null>
  hermes: ModuleHop<Input<typeof hermesContract>, Output<typeof hermesContract>>
  imaginator: ModuleHop<Input<typeof imaginatorContract>, Output<typeof imaginatorContract>>
  /** `null`: nobody looked, which is not the same as an empty list. */
  jobs: ModuleHop<Input<typeof jobSearchContract>, Output<typeof jobSearchContract> | null>
}

/** How to reach the modules. */
export interface HopsOptions {
  stash: AppStash
  endpoints: Endpoints
  /** Other bounds of one attempt than the usual ones. */
  timeouts?: Partial<Record<HopName, NonNullable<HopPolicies['timeout']>>>
}

/** Declares the modules: contract, token, patience, cache and makeshift of each. */
export function createHops({ stash, endpoints, timeouts }: HopsOptions): Hops {
  const timeout = { ...TIMEOUTS, ...timeouts }
  return {
    loader: defineHop({
      name: 'loader',
      category: 'documents',
      input: z.object({ resume: jsonResume }),
      output: loaderContract.output,
      ...reach(endpoints.loader, loaderContract.path),
      timeout: timeout.loader,
      cache: { in: stash.general },
      fallback: [staleFor('1d'), ({ input }) => bareProfile(input.resume)],
    }),
    fastsvm: defineHop({
      name: 'fastsvm',
      category: 'scoring',
      input: fastSvmContract.input,
      output: fastSvmContract.output.nullable(),
      ...reach(endpoints.fastSvm, fastSvmContract.path),
      timeout: timeout.fastsvm,
      retry: { attempts: 2 },
      cache: { in: stash.prompt },
      fallback: [staleFor('1d'), null],
    }),
    hermes: defineHop({
      name: 'hermes',
      category: 'analysis',
      input: hermesContract.input,
      output: hermesContract.output,
      ...reach(endpoints.hermes, hermesContract.path),
      timeout: timeout.hermes,
      cache: { in: stash.evaluation },
      fallback: [staleFor('7d'), ({ input }) => keywordAnalysis(input)],
    }),
    imaginator: defineHop({
      name: 'imaginator',
      category: 'writing',
      input: imaginatorContract.input,
      output: imaginatorContract.output,
      ...reach(endpoints.imaginator, imaginatorContract.path),
      async call(context) {
        const answer = await post(imaginatorContract.path, context)
        meter(answer, context)
        return answer
      },
      timeout: timeout.imaginator,
      retry: { attempts: 2 },
      cache: { in: stash.aiResponse },
      fallback: [staleFor('7d'), ({ input }) => templateSection(input)],
    }),
    jobs: defineHop({
      name: 'jobs',
      category: 'enrichment',
      input: jobSearchContract.input,
      output: jobSearchContract.output.nullable(),
      ...reach(endpoints.jobSearch, jobSearchContract.path),
      timeout: timeout.jobs,
      cache: { in: stash.jobSearch },
      fallback: [staleFor('1h'), null],
    }),
  }
}

/** The pipeline: a resume and an ad in, the combined payload out. */
export type AnalysisPipeline = Pipeline<AnalysisRequest, AnalysisPayload, unknown, HopName>

/** Whether the environment allows job search: `JOB_SEARCH_ENABLED` is `true` or `1`. */
export function jobSearchEnabled(environment: NodeJS.ProcessEnv = process.env): boolean {
  return ['true', '1'].includes(environment.JOB_SEARCH_ENABLED ?? '')
}

/** How to run the pipeline. */
export interface AnalysisOptions extends Pick<PipelineOptions, 'defaults' | 'deadline' | 'onRun'> {
  /** Whether jobs may be looked for at all; a request has to ask for it, too. */
  jobSearch: boolean
}

/** Wires the hops. Who needs what is said here and nowhere else. */
export function createAnalysis(hops: Hops, { jobSearch, ...options }: AnalysisOptions): AnalysisPipeline {
  return pipeline<AnalysisRequest>('analyse', { defaults: resilient, deadline: DEADLINE, ...options })
    .hop('loader', hops.loader, { input: ({ input }) => ({ resume: input.resume }) })
    .hop('fastsvm', hops.fastsvm, {
      needs: ['loader'],
      input: ({ input, loader }) => ({ text: loader.text, skills: loader.skills, job: input.job }),
    })
    .hop('hermes', hops.hermes, {
      needs: ['loader', 'fastsvm'],
      // Without a match Hermes estimates one, and says so in `match_source`.
      input: ({ input, loader, fastsvm }) => ({ profile: loader, job: input.job, ...(fastsvm && { match: fastsvm }) }),
    })
    .hop('imaginator', hops.imaginator, {
      needs: ['loader', 'hermes'],
      input: ({ input, loader, hermes }) => ({ profile: loader, job: input.job, analysis: hermes.analysis }),
    })
    .hop('jobs', hops.jobs, {
      needs: ['loader'],
      enabled: jobSearch,
      when: ({ input }) => input.includeJobs,
      input: ({ input, loader }) => ({ title: input.job.title, skills: loader.skills }),
    })
    .assemble(({ hermes, imaginator, jobs }) => ({
      analysis: hermes.analysis,
      generated_text: imaginator.text,
      critique: imaginator.critique,
      final_written_section: imaginator.final,
      ...(jobs && { jobs: jobs.jobs }),
    }))
}

type ModuleContext = HopContext<unknown, ModuleClient, string>

/** What all modules have in common: an address, a token of their own, one path, and calls that may be repeated. */
function reach({ url, token }: Endpoint, path: string) {
  return {
    client: createModuleClient(url),
    auth: () => token,
    call: (context: ModuleContext) => post(path, context),
    idempotent: true,
  }
}

function post(path: string, { client, input, auth, signal, idempotencyKey }: ModuleContext): Promise<object> {
  return client.post(path, input, { token: auth, signal, idempotencyKey })
}

/** Writes down what the model cost. The answer has not passed the contract yet, so it may be anything. */
function meter(answer: object, { usage }: ModuleContext): void {
  const spent = imaginatorContract.output.pick({ usage: true }).safeParse(answer)
  if (!spent.success) return
  const { calls, input_tokens: inputTokens, output_tokens: outputTokens } = spent.data.usage
  const { input, output } = USD_PER_MILLION_TOKENS
  usage.add({ calls, inputTokens, outputTokens, costUsd: (inputTokens * input + outputTokens * output) / 1_000_000 })
}
