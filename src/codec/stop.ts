/** Why a walk over a value, or over stored bytes, ended early. */
export type StopKind = 'type' | 'size' | 'depth' | 'malformed'

/** Ends a walk; the path is put together while it unwinds. Caught inside this folder, never seen by a caller. */
export class Stop {
  path = ''
  readonly kind: StopKind
  readonly received: string

  constructor(kind: StopKind, received: string) {
    this.kind = kind
    this.received = received
  }
}

/** What stored bytes are that no writer of this format made. */
export function malformed(what: string): Stop {
  return new Stop('malformed', what)
}

/** Adds a step to the path of what ended a walk. What a getter or a Proxy threw becomes a refusal of that place. */
export function located(error: unknown, at: string | number): Stop {
  const stop = stopOf(error)
  if (stop.path.length < 200) stop.path = step(at) + stop.path
  return stop
}

/** Any error as a {@link Stop}: the walk runs code of others (getters, Proxies), and may run out of stack. */
export function stopOf(error: unknown): Stop {
  if (error instanceof Stop) return error
  if (error instanceof RangeError && /call stack/i.test(error.message)) return new Stop('depth', 'too deep a nesting')
  return new Stop('type', 'a property that throws when it is read')
}

function step(at: string | number): string {
  if (typeof at === 'number') return `[${at}]`
  return /^(?:[A-Za-z_$][\w$]*|\(\w+\))$/.test(at) ? `.${at}` : `[${JSON.stringify(at.slice(0, 40))}]`
}
