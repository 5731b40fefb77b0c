import { isThenable } from '../runtime/thenable.js'
import type { RoutePolicy, RouteRequest } from './route-options.js'

/** An option that is a function of the request. */
export type RouteCallback = 'when' | 'vary' | 'key' | 'tags'

/** What a route says when it cannot do what it is there for: once each, never with a value of a request. */
export interface RouteWarnings {
  /** `HOPSTASH_ROUTE_CREDENTIALS`: a request carries a header that makes it somebody's, and the route does not say whose. */
  credentials(request: RouteRequest, header: string): void
  /** `HOPSTASH_ROUTE_OPTION`: a function of the options threw, or gave what it must not, which is {@link Unusable}. */
  callback(request: RouteRequest, option: RouteCallback, error: unknown): void
}

const EXPECTED: Readonly<Record<RouteCallback, string>> = {
  when: 'true or false',
  vary: 'a text that tells whose the response is, or undefined for nobody',
  key: 'a key that is no empty text, or undefined to pass the request through',
  tags: 'an array of texts',
}

/** Makes the warnings of one route. */
export function createRouteWarnings(policy: Pick<RoutePolicy<never>, 'name'>): RouteWarnings {
  const said = new Set<string>()
  const warn = (about: string, code: string, message: () => string): void => {
    if (said.has(about)) return
    said.add(about)
    if (typeof process === 'undefined' || typeof process.emitWarning !== 'function') return
    process.emitWarning(message(), { type: 'HopstashWarning', code })
  }
  return {
    credentials: (request, header) =>
      warn(
        'credentials',
        'HOPSTASH_ROUTE_CREDENTIALS',
        () =>
          `The ${routeOf(request, policy)} was asked with \`${header}\` and passes such requests through. Say whose responses they are (\`vary\`), or that they are the same for everybody (\`shared: true\`).`,
      ),
    callback: (request, option, error) =>
      warn(
        option,
        'HOPSTASH_ROUTE_OPTION',
        () =>
          `\`${option}\` of the ${routeOf(request, policy)} ${whatCame(error)}, where ${EXPECTED[option]} is expected at once. Such requests pass through and are not kept.`,
      ),
  }
}

// Never the path itself, which may hold a token.
function routeOf(request: RouteRequest, { name }: Pick<RoutePolicy<never>, 'name'>): string {
  const pattern = request.pattern?.()
  return `cached route ${pattern === undefined ? `\`${name}\`` : `\`${request.method} ${pattern}\``}`
}

function whatCame(error: unknown): string {
  if (error instanceof Unusable) return `gave ${error.kind}`
  return `threw ${error instanceof Error ? error.name : kindOf(error)}`
}

/** Thrown for what a function of the options gave. */
export class Unusable extends Error {
  override readonly name = 'Unusable'
  readonly kind: string

  constructor(given: unknown) {
    const kind = kindOf(given)
    super(`It gave ${kind}.`)
    this.kind = kind
  }
}

/** What a function gave, without its value. */
export function kindOf(value: unknown): string {
  if (value === null) return 'null'
  if (value === '') return 'an empty text'
  if (Array.isArray(value)) return 'an array'
  if (isThenable(value)) return 'a promise'
  if (typeof value === 'number' && Number.isNaN(value)) return 'NaN'
  return typeof value === 'undefined' ? 'undefined' : `${typeof value === 'object' ? 'an' : 'a'} ${typeof value}`
}
