import type { Latency } from '../latency.js'
import { type Module, startModule } from '../module-server.js'
import { fastSvmContract } from './contract.js'
import { score } from './linear-model.js'

/** Starts FastSVM: scores a resume against an ad. */
export function startFastSvm(options: { token: string; latencyMs?: Latency }): Promise<Module> {
  return startModule({ name: 'fast-svm', ...options, contract: fastSvmContract, handle: score })
}
