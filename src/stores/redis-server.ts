import { runIdScript } from '../redis/control-scripts.js'
import type { ServerIdentity } from '../redis/inspect-server.js'
import { runScript, type SendCommand } from '../redis/script.js'
import type { StoreKeys } from '../redis/store-keys.js'
import { stampOf } from './redis-replies.js'

/**
 * What is done when the store lives another run than before: it was restarted or failed over, and invalidations it had
 * acknowledged in its last moments may be gone. `replay`: this process tells it its own of the last 10 minutes again.
 * `distrust`: everything in it is void. `trust`: nothing.
 */
export type OnStoreRestart = 'replay' | 'distrust' | 'trust'

/** The policies, for whoever checks one. */
export const RESTART_POLICIES: readonly OnStoreRestart[] = ['replay', 'distrust', 'trust']

/** Options of {@link enterStore}. */
export interface EnterOptions {
  readonly keys: StoreKeys
  readonly policy: OnStoreRestart
  readonly candidate: () => string
  /** The life this process knew before. Another one, whoever noticed first, is what has to be told again. */
  readonly knownLife: string | undefined
  /** Tells the store again what it may have lost. */
  readonly replay: (send: SendCommand) => Promise<void>
}

/**
 * What has to happen on a new connection before any other command: find out which run of the server this is, and tell a
 * store that came back what it may have lost. Resolves to the store's incarnation and generation; `undefined` where
 * nobody can tell.
 */
export async function enterStore(
  send: SendCommand,
  { runId }: ServerIdentity,
  options: EnterOptions,
): Promise<string | undefined> {
  if (runId === undefined || options.policy === 'trust') return undefined
  const { control, log, nothing } = options.keys
  const args = [options.candidate(), runId, options.policy]
  const { inc: life } = stampOf(await runScript(send, runIdScript, [control, log, nothing], args))
  const isAnother = options.knownLife !== undefined && options.knownLife !== life
  if (isAnother && options.policy === 'replay') await options.replay(send)
  return life
}
