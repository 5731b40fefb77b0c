import { type JsonResume, jsonResume } from '../documents.js'
import type { Latency } from '../latency.js'
import { type Module, startModule } from '../module-server.js'
import { checkInput, ModuleError } from '../wire.js'
import { loaderContract } from './contract.js'
import { normalise } from './normalise.js'

/** Starts the Loader: parses and normalises a resume. */
export function startLoader(options: { token: string; latencyMs?: Latency }): Promise<Module> {
  return startModule({
    name: 'loader',
    ...options,
    contract: loaderContract,
    handle: ({ resume }) => normalise(typeof resume === 'string' ? parseResume(resume) : resume),
  })
}

function parseResume(text: string): JsonResume {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    const issues = [{ path: '$.resume', message: 'Invalid input: expected JSON text' }]
    throw new ModuleError(400, 'invalid_input', 'The body breaks the contract at $.resume.', { issues })
  }
  return checkInput(jsonResume, parsed, ['resume'])
}
