import { describe, expect, it } from 'vitest'
import { adminHandler } from '../../../src/admin/handler.js'
import type { AuditEvent } from '../../../src/admin/options.js'
import { defineNamespace } from '../../../src/cache/namespace-options.js'
import { createStash } from '../../../src/cache/stash.js'
import { pipeline } from '../../../src/pipeline/pipeline.js'

// Every endpoint, by every method, with every proof and every body: what is answered, and what is changed by it.
const TOKEN = 'correct-horse-battery'
const READS = ['/stats', '/health', '/health/keys', '/keys', '/runs', '/metrics', '/registry', '/schemas', '/live']
const CHANGES = ['/clear', '/invalidate', '/forget']
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']
const PROOFS = { none: undefined, wrong: `Bearer ${TOKEN}x`, right: `Bearer ${TOKEN}` }
const JSON_TYPE = 'application/json'
const BODIES: Readonly<
  Record<string, { readonly type?: string; readonly text: (path: string) => string | undefined }>
> = {
  none: { text: () => undefined },
  empty: { type: JSON_TYPE, text: () => '' },
  'an empty object': { type: JSON_TYPE, text: () => '{}' },
  fit: { type: JSON_TYPE, text: (path) => JSON.stringify(FIT[path] ?? {}) },
  'of no type': { type: '', text: (path) => JSON.stringify(FIT[path] ?? {}) },
  'a form': { type: 'application/x-www-form-urlencoded', text: () => 'cache_type=answers' },
  'no JSON': { type: JSON_TYPE, text: () => '{"cache_type":' },
  'no object': { type: JSON_TYPE, text: () => '[]' },
  'a field too many': { type: JSON_TYPE, text: (path) => JSON.stringify({ ...FIT[path], cache_typ: 'answers' }) },
  'a namespace of nobody': { type: JSON_TYPE, text: (path) => JSON.stringify({ ...FIT[path], cache_type: 'nobody' }) },
  huge: { type: JSON_TYPE, text: (path) => JSON.stringify({ ...FIT[path], cache_type: 'x'.repeat(5000) }) },
}
const FIT: Readonly<Record<string, object>> = {
  '/clear': { cache_type: 'answers' },
  '/invalidate': { tags: ['secret-tag'] },
  '/forget': { subject: 'secret-subject' },
}

type Proof = keyof typeof PROOFS

/** What is to be answered. */
function expected(path: string, method: string, proof: Proof, body: string): number {
  const isLook = method === 'GET' || method === 'HEAD'
  if (path === '/' && isLook) return 200
  if (proof !== 'right') return 401
  if (path === '/nowhere') return 404
  if (path === '/' || READS.includes(path)) return isLook ? 200 : 405
  return method === 'POST' ? ofChange(path, body) : 405
}

function ofChange(path: string, body: string): number {
  if (body === 'huge') return 413
  if (body === 'of no type' || body === 'a form') return 415
  if (body === 'no JSON' || body === 'no object' || body === 'a field too many') return 400
  // A subject belongs to no namespace: to that endpoint the field is unknown.
  if (body === 'a namespace of nobody') return path === '/forget' ? 400 : 404
  return body === 'fit' || path === '/clear' ? 200 : 400
}

async function setUp() {
  const stash = createStash({
    store: 'memory',
    namespaces: {
      answers: defineNamespace<string, string>({
        ttl: '1h',
        tags: () => ['secret-tag'],
        subject: () => 'secret-subject',
      }),
    },
  })
  await stash.answers.getOrSet('secret-key', () => 'secret-value')
  await stash.answers.getOrSet('secret-key', () => 'secret-value')
  const run = pipeline<string>('analyze')
    .hop('one', { run: ({ input }) => input })
    .assemble(({ one }) => one)
  await run.run('secret-input')
  const audit: AuditEvent[] = []
  const handler = adminHandler(stash, {
    token: TOKEN,
    pipelines: [run],
    providers: { openai: 'secret-provider-key' },
    onAudit: (event) => audit.push(event),
  })
  return { stash, handler, audit }
}

function requestOf(path: string, method: string, proof: Proof, body: string): Request {
  const { type, text } = BODIES[body] as (typeof BODIES)[string]
  const given = text(path)
  const authorization = PROOFS[proof]
  const headers = {
    ...(authorization !== undefined && { authorization }),
    ...(type !== undefined && { 'content-type': type }),
  }
  // Bytes have no type of their own, as a text would.
  const bytes = given === undefined ? undefined : new TextEncoder().encode(given)
  return new Request(`http://localhost/api/cache${path}`, {
    method,
    headers,
    ...(bytes !== undefined && { body: bytes }),
  })
}

describe.each(['/', '/nowhere', ...READS, ...CHANGES])('%s', (path) => {
  it.each(METHODS)(
    'by %s answers what it should, tells nothing, and changes nothing but by a fit POST',
    async (method) => {
      const bodies = method === 'GET' || method === 'HEAD' ? ['none'] : Object.keys(BODIES)
      for (const proof of Object.keys(PROOFS) as Proof[]) {
        for (const body of bodies) {
          const { stash, handler, audit } = await setUp()
          const response = await handler(requestOf(path, method, proof, body))
          const status = expected(path, method, proof, body)
          expect({ proof, body, status: response.status }).toEqual({ proof, body, status })
          const isChange = status === 200 && CHANGES.includes(path)
          expect({ proof, body, kept: stash.answers.peek('secret-key') !== undefined }).toEqual({
            proof,
            body,
            kept: !isChange,
          })
          expect(audit.filter(({ outcome }) => outcome === 'done').length).toBe(isChange ? 1 : 0)
          expect(response.headers.get('cache-control')).toMatch(/^no-store(?:,|$)/)
          expect(response.headers.get('www-authenticate')).toBe(status === 401 ? 'Bearer' : null)
          expect(response.headers.has('allow')).toBe(status === 405)
          const told = await firstOf(response)
          expect(told + JSON.stringify(audit)).not.toMatch(/secret-|node_modules|\bat .*:\d+:\d+/)
          if (method === 'HEAD') expect(told).toBe('')
          else if (status >= 400) expect(JSON.parse(told)).toMatchObject({ status: 'error' })
        }
      }
    },
  )
})

/** The whole text; of a stream that goes on, its first picture. */
async function firstOf(response: Response): Promise<string> {
  if (!response.headers.get('content-type')?.startsWith('text/event-stream')) return response.text()
  const reader = response.body?.getReader()
  const part = await reader?.read()
  await reader?.cancel()
  return part?.value === undefined ? '' : new TextDecoder().decode(part.value)
}
