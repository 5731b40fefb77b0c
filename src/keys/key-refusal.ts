import { types } from 'node:util'
import { keyUnsupported } from '../errors/key-error.js'

/** A property name, or an index; of a Map, twice the entry's index, plus one for its value. `undefined`: no step. */
export type PathSegment = string | number | undefined

/** Thrown inside `keys/` where a value has no canonical form; the public functions turn it into a `KeyError`. */
export class KeyRefusal extends Error {
  readonly path: string
  readonly received: string

  constructor(path: string, received: string) {
    super(received)
    this.path = path
    this.received = received
  }
}

/** The `KeyError` for a refusal, its path continued below `root`; any other error comes back as it is. */
export function publicError(error: unknown, root = '$'): unknown {
  return error instanceof KeyRefusal ? keyUnsupported(root + error.path.slice(1), error.received) : error
}

/** The path from the root through `containers`, such as `$.messages[2].onToken`. */
export function formatPath(containers: readonly unknown[], segments: readonly PathSegment[], depth: number): string {
  let path = '$'
  for (let index = 0; index < depth; index++) {
    const segment = segments[index]
    path += types.isMap(containers[index]) ? mapStep(segment) : pathStep(segment)
  }
  return path
}

/** One step of a path: `.name`, `["odd name"]` or `[2]`. */
export function pathStep(segment: PathSegment): string {
  if (segment === undefined) return ''
  if (typeof segment === 'number') return `[${segment}]`
  return /^[A-Za-z_$][\w$]*$/.test(segment) ? `.${segment}` : `[${JSON.stringify(segment)}]`
}

/** What a person would call this value, never showing its content. */
export function describeKind(value: unknown): string {
  if (typeof value === 'function') return 'a function'
  if (typeof value === 'symbol') return 'a symbol'
  if (typeof value !== 'object' || value === null) return `a value of type ${typeof value}`
  try {
    if (types.isNativeError(value)) return 'an Error'
    const name: unknown = value.constructor?.name
    return typeof name === 'string' && name !== '' && name !== 'Object'
      ? `an instance of ${name}`
      : 'an object of an unknown kind'
  } catch {
    return 'an object that cannot be inspected'
  }
}

function mapStep(segment: PathSegment): string {
  if (typeof segment !== 'number') return ''
  return `[${segment >> 1}].${segment % 2 === 0 ? 'key' : 'value'}`
}
