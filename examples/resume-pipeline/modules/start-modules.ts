import { randomBytes } from 'node:crypto'
import { startFastSvm } from './fast-svm/server.js'
import { startHermes } from './hermes/server.js'
import type { ChatOptions } from './imaginator/chat.js'
import { startImaginator } from './imaginator/server.js'
import { startJobSearch } from './job-search/server.js'
import type { Latency } from './latency.js'
import { startLoader } from './loader/server.js'
import { type ModelServer, startModelServer } from './model-server/server.js'
import type { Module } from './module-server.js'

/** How long each module takes for a call, in milliseconds; Imaginator's three questions to the model come on top. */
const LATENCY_MS = {
  loader: [10, 25],
  fastSvm: [20, 50],
  hermes: [60, 140],
  imaginator: [5, 15],
  jobSearch: [120, 280],
  model: [400, 900],
} as const satisfies Record<string, Latency>

/** How to start the modules. */
export interface StartModulesOptions {
  /** Scales every latency; 0 answers at once. Default 1. */
  latencyFactor?: number
  /** Another model than the stand-in. Default `OPENAI_BASE_URL`, else the stand-in. */
  openAiBaseUrl?: string
  /** The key to it. Default `OPENAI_API_KEY`; the stand-in has a token of its own. */
  openAiApiKey?: string
}

/** The running modules. */
export interface Modules {
  loader: Module
  fastSvm: Module
  hermes: Module
  imaginator: Module
  jobSearch: Module
  /** The stand-in; idle when Imaginator was given another model. */
  model: ModelServer
  close(): Promise<void>
}

/** Starts all modules and the stand-in model on free ports of the loopback interface, each with a random token of its own. */
export async function startModules(options: StartModulesOptions = {}): Promise<Modules> {
  const { latencyFactor = 1 } = options
  const settings = (name: keyof typeof LATENCY_MS) => {
    const [min, max] = LATENCY_MS[name]
    return {
      token: randomBytes(24).toString('base64url'),
      latencyMs: [min * latencyFactor, max * latencyFactor] as const,
    }
  }
  const model = await startModelServer(settings('model'))
  const [loader, fastSvm, hermes, imaginator, jobSearch] = await Promise.all([
    startLoader(settings('loader')),
    startFastSvm(settings('fastSvm')),
    startHermes(settings('hermes')),
    startImaginator({ ...settings('imaginator'), chat: chatOptions(options, model) }),
    startJobSearch(settings('jobSearch')),
  ])
  const all = [loader, fastSvm, hermes, imaginator, jobSearch, model]
  return {
    loader,
    fastSvm,
    hermes,
    imaginator,
    jobSearch,
    model,
    close: async () => void (await Promise.all(all.map((module) => module.close()))),
  }
}

function chatOptions({ openAiBaseUrl, openAiApiKey }: StartModulesOptions, standIn: ModelServer): ChatOptions {
  const model = process.env.OPENAI_MODEL ?? 'stand-in-1'
  const baseUrl = openAiBaseUrl ?? process.env.OPENAI_BASE_URL
  if (baseUrl === undefined) return { baseUrl: `${standIn.url}/v1`, apiKey: standIn.token, model }
  return { baseUrl, apiKey: openAiApiKey ?? process.env.OPENAI_API_KEY ?? '', model }
}
