import type { HopPolicies, PipelineOptions, RunReport } from 'hopstash/pipeline'
import type { AnalysisRequest, HopName } from './answer.js'
import { type BackEnd, startBackEnd } from './backend.js'
import { type Modules, startModules } from './modules/start-modules.js'
import {
  type AnalysisPipeline,
  type AppStash,
  createAnalysis,
  createAppStash,
  createHops,
  type Endpoints,
  type Hops,
} from './pipeline.js'

/** How to start everything. All of it may be left out. */
export interface AppOptions {
  /** Scales how long the modules take; 0 answers at once. Default 1. */
  latencyFactor?: number
  /** Running modules to use, which stay open at the end; default: modules of its own. */
  modules?: Modules
  /** Other addresses or tokens than the modules'. */
  endpoints?: Partial<Endpoints>
  jobSearch?: boolean
  timeouts?: Partial<Record<HopName, NonNullable<HopPolicies['timeout']>>>
  /** Other policies than `resilient`, another deadline. */
  policies?: Pick<PipelineOptions, 'defaults' | 'deadline'>
  /** Exchanges hops before they are wired. */
  change?: (hops: Hops) => Hops
  sample?: AnalysisRequest
  port?: number
  log?: (line: string) => void
  onRun?: (report: RunReport) => void
}

/** Everything, running. */
export interface App {
  url: string
  modules: Modules
  stash: AppStash
  analysis: AnalysisPipeline
  close(): Promise<void>
}

/** Starts the modules, a stash, the pipeline and the back end, and puts them together. */
export async function startApp(options: AppOptions = {}): Promise<App> {
  const { latencyFactor = 1, change = (hops: Hops) => hops, onRun, jobSearch = false } = options
  const modules = options.modules ?? (await startModules({ latencyFactor }))
  const stash = createAppStash()
  const closeParts = async (): Promise<void> => {
    if (modules !== options.modules) await modules.close()
    await stash.close()
  }
  const endpoints = { ...modules, ...options.endpoints }
  const hops = change(createHops({ stash, endpoints, ...(options.timeouts && { timeouts: options.timeouts }) }))
  const analysis = createAnalysis(hops, { jobSearch, ...options.policies, ...(onRun && { onRun }) })
  const { sample, port, log } = options
  const backEnd: BackEnd = await startBackEnd({
    stash,
    analysis,
    ...(sample && { sample }),
    ...(port !== undefined && { port }),
    ...(log && { log }),
  }).catch(async (error: unknown) => {
    // A port that is taken must not leave the modules running.
    await closeParts()
    throw error
  })
  return {
    url: backEnd.url,
    modules,
    stash,
    analysis,
    async close() {
      await backEnd.close()
      await closeParts()
    },
  }
}
