import type { Latency } from '../latency.js'
import { type Module, startModule } from '../module-server.js'
import { analyse } from './analyse.js'
import { hermesContract } from './contract.js'

/** Starts Hermes: holds a resume against an ad and puts the gaps in order. */
export function startHermes(options: { token: string; latencyMs?: Latency }): Promise<Module> {
  return startModule({
    name: 'hermes',
    ...options,
    contract: hermesContract,
    handle: (input) => ({ analysis: analyse(input) }),
  })
}
