/** Ends a walk; carries the path, built while it unwinds. */
export class Stop {
  path = ''
  readonly kind: 'type' | 'size'
  readonly received: string

  constructor(kind: 'type' | 'size', received: string) {
    this.kind = kind
    this.received = received
  }
}

/** A stop with one more step of its path in front; any other error as it is. */
export function located(error: unknown, at: string | number): unknown {
  if (error instanceof Stop && error.path.length < 200) {
    error.path =
      (typeof at === 'number' ? `[${at}]` : /^[A-Za-z_$][\w$]*$/.test(at) ? `.${at}` : `["${at.slice(0, 40)}"]`) +
      error.path
  }
  return error
}
