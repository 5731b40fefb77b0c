/** What the doctor has found out about one thing. */
export interface Finding {
  readonly check: string
  /** `ok`; `advice`: works, and could be better; `trouble`: does not work, or will not. */
  readonly level: 'ok' | 'advice' | 'trouble'
  readonly found: string
  /** What to change; of every finding that is not ok. */
  readonly change?: string
}

export function ok(check: string, found: string): Finding {
  return { check, level: 'ok', found }
}

export function advice(check: string, found: string, change: string): Finding {
  return { check, level: 'advice', found, change }
}

export function trouble(check: string, found: string, change: string): Finding {
  return { check, level: 'trouble', found, change }
}
