import { createHash, timingSafeEqual } from 'node:crypto'
import type { AdminAction, ResolvedAdminOptions } from './options.js'

/** Whether a request may do what it asks for. */
export type Authorize = (request: Request, action: AdminAction) => Promise<boolean>

/** Returns the check that the options ask for: a token that fits, or the host's own decision. */
export function createAuthorize({ tokens, authorize }: ResolvedAdminOptions): Authorize {
  const accepted = tokens.map(digestOf)
  return async (request, action) => {
    if (accepted.length > 0 && hasToken(request, accepted)) return true
    if (authorize === undefined) return false
    if (request.body === null || request.bodyUsed) return authorize(request, action)
    // Who decides may read the body, which is read again then.
    const shown = request.clone()
    try {
      return await authorize(shown, action)
    } finally {
      shown.body?.cancel().catch(() => undefined)
    }
  }
}

/** Whether a change was asked for by another site's page, with this site's cookies. */
export function isCrossSite(request: Request): boolean {
  const site = request.headers.get('sec-fetch-site')
  if (site !== null) return site !== 'same-origin' && site !== 'none'
  const origin = request.headers.get('origin')
  if (origin === null) return false
  // Behind a proxy that ends TLS the scheme differs; the host does not.
  return !URL.canParse(origin) || new URL(origin).host !== new URL(request.url).host
}

// Digests have one length, so the comparison takes as long for any token, and every token is compared.
function hasToken(request: Request, accepted: readonly Buffer[]): boolean {
  const given = /^Bearer +(\S+) *$/i.exec(request.headers.get('authorization') ?? '')?.[1]
  if (given === undefined) return false
  const digest = digestOf(given)
  let isAccepted = false
  for (const one of accepted) if (timingSafeEqual(digest, one)) isAccepted = true
  return isAccepted
}

function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}
