import type { Latency } from '../latency.js'
import { type Module, startModule } from '../module-server.js'
import { jobSearchContract } from './contract.js'
import { search } from './search.js'

/** Starts Job Search: finds open posts that fit. */
export function startJobSearch(options: { token: string; latencyMs?: Latency }): Promise<Module> {
  return startModule({ name: 'job-search', ...options, contract: jobSearchContract, handle: search })
}
