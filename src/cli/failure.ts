/** A command line that cannot be understood: exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** Somebody was asked, and said no: exit code 1. */
export class Declined extends Error {
  override readonly name = 'Declined'
}

/** What was asked for could not be done: exit code 1. */
export class Failure extends Error {
  override readonly name = 'Failure'
}

/** Throws where somebody has asked for the end. */
export function endIfAborted(signal: AbortSignal): void {
  if (signal.aborted) throw new Aborted('Interrupted.')
}

/** Somebody pressed Ctrl+C: exit code 130. */
export class Aborted extends Error {
  override readonly name = 'Aborted'
}
