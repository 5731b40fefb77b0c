/** Load, delete, set, invalidate the tag, clear the namespace, an unrelated invalidation, write through. */
export type Operation = 'L' | 'D' | 'S' | 'T' | 'C' | 'O' | 'W'

export interface Call {
  readonly operation: Operation
  readonly process: number
  readonly key: number
}

const PROCESS_NAMES = 'pq'
const KEY_NAMES = ['', "'"]
/** Operations on one key; the others concern every key, or none. */
const KEYED = 'LDSW'

/** `Lp` loads in process p, `Sq'` sets the second key in process q. */
export function parseScenario(text: string): Call[] {
  return text
    .trim()
    .split(/\s+/)
    .map((word) => {
      const match = /^([LDSTCOW])([pq])('?)$/.exec(word)
      if (!match) throw new Error(`expected calls such as "Lp Dq Sp'", got "${word}"`)
      return { operation: match[1] as Operation, process: PROCESS_NAMES.indexOf(match[2]!), key: match[3] ? 1 : 0 }
    })
}

export function nameOfProcess(process: number): string {
  return PROCESS_NAMES[process]!
}

export function nameOfCall({ operation, process, key }: Call): string {
  return operation + PROCESS_NAMES[process] + KEY_NAMES[key]
}

export function nameOfScenario(calls: readonly Call[]): string {
  return calls.map(nameOfCall).sort().join(' ')
}

export interface ScenarioFilter {
  readonly operations?: string
  readonly keys?: 1 | 2
}

/**
 * Every multiset of `size` calls that can put a value somewhere, up to an exchange of the two processes and of the two
 * keys. With two keys, only those that use both; with writes through, only those that hold one.
 */
export function scenarios(size: number, { operations = 'LDSTCO', keys = 1 }: ScenarioFilter = {}): Call[][] {
  const kinds = [...operations].flatMap((operation) =>
    [0, 1].flatMap((process) =>
      (keys === 2 && KEYED.includes(operation) ? [0, 1] : [0]).map((key) => ({ operation, process, key }) as Call),
    ),
  )
  const found = new Map<string, Call[]>()
  for (const calls of multisets(kinds, size)) {
    if (!calls.some(({ operation }) => 'LSW'.includes(operation))) continue
    if (operations.includes('W') && !calls.some(({ operation }) => operation === 'W')) continue
    if (
      keys === 2 &&
      !(calls.some(({ key }) => key === 1) && calls.some((call) => KEYED.includes(call.operation) && call.key === 0))
    )
      continue
    const names = [0, 1].flatMap((p) => [0, 1].map((k) => nameOfScenario(calls.map((call) => exchanged(call, p, k)))))
    if (!names.some((name) => found.has(name))) found.set(nameOfScenario(calls), calls)
  }
  return [...found.values()]
}

function exchanged(call: Call, process: number, key: number): Call {
  return { ...call, process: call.process ^ process, key: KEYED.includes(call.operation) ? call.key ^ key : 0 }
}

function* multisets<T>(kinds: readonly T[], size: number, from = 0): Generator<T[]> {
  if (size === 0) yield []
  else
    for (let i = from; i < kinds.length; i++)
      for (const rest of multisets(kinds, size - 1, i)) yield [kinds[i]!, ...rest]
}
