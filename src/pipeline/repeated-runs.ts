import { OptionError } from '../errors/option-error.js'
import { digestOf } from '../keys/digest.js'
import { onceAborted } from '../runtime/abort.js'
import type { Clock } from '../runtime/clock.js'
import type { RunRequest } from './run.js'
import type { RunResult } from './run-result.js'

/** For how long, and how many, runs that went well answer their repetitions. */
const REMEMBERED_MS = 600_000
const REMEMBERED_RUNS = 1000

/** Begins a run; never rejects. */
export type StartRun = (request: RunRequest) => Promise<RunResult<unknown>>

/** Makes runs with one idempotency key one run. */
export interface RepeatedRuns {
  /** @throws OptionError `ERR_OPTION_INVALID` for a key under which another input runs or ran. */
  run(key: string, request: RunRequest): Promise<RunResult<unknown>>
}

interface Known {
  readonly result: Promise<RunResult<unknown>>
  /** `undefined` for an input without a canonical form: whether another one is the same cannot be told. */
  readonly digest: string | undefined
  readonly forgetAt: number
}

/**
 * Returns the memory of one pipeline for its runs with a key: who asks again while one runs joins it; who asks after it
 * went well gets the same result, for 10 minutes and at most 1,000 of them. Anything but `ok` is run anew.
 */
export function createRepeatedRuns(start: StartRun, clock: Clock): RepeatedRuns {
  const running = new Map<string, Known>()
  // In the order in which they ended, so the first are the first to be forgotten.
  const finished = new Map<string, Known>()

  const forget = (now: number): void => {
    for (const [key, { forgetAt }] of finished) {
      if (forgetAt > now && finished.size <= REMEMBERED_RUNS) return
      finished.delete(key)
    }
  }
  const begin = (key: string, digest: string | undefined, request: RunRequest): Promise<RunResult<unknown>> => {
    const result = start(request).then((ended) => {
      running.delete(key)
      if (ended.status === 'ok' && digest !== undefined) {
        const now = clock.now()
        finished.set(key, { result, digest, forgetAt: now + REMEMBERED_MS })
        forget(now)
      }
      return ended
    })
    running.set(key, { result, digest, forgetAt: Infinity })
    return result
  }

  return {
    async run(key, request) {
      const digest = digestOfInput(request.input)
      for (;;) {
        forget(clock.now())
        const known = running.get(key) ?? finished.get(key)
        if (known === undefined) return begin(key, digest, request)
        if (known.digest !== digest) throw anotherInput()
        const joined = await join(known.result, request, start)
        // Who began it has left, which is no answer for those who stay.
        if (joined.status !== 'cancelled' || request.signal?.aborted) return joined
      }
    },
  }
}

/** Waits for the run of somebody else; a caller who leaves is told so at once, by a run that calls nobody. */
function join(result: Promise<RunResult<unknown>>, request: RunRequest, start: StartRun): Promise<RunResult<unknown>> {
  const { signal } = request
  if (signal === undefined) return result
  return new Promise((resolve) => {
    const unlisten = onceAborted(signal, () => resolve(start(request)))
    void result.then((ended) => {
      unlisten()
      resolve(ended)
    })
  })
}

function digestOfInput(input: unknown): string | undefined {
  try {
    return digestOf(input)
  } catch {
    return undefined
  }
}

// Names neither the key nor the input: both may be somebody's data.
function anotherInput(): OptionError {
  return new OptionError(
    'Expected an `idempotencyKey` for each input, received one under which another input was run. Use a key of its own.',
    { code: 'ERR_OPTION_INVALID', context: { option: 'idempotencyKey' } },
  )
}
