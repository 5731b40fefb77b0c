import { namespaceMeant } from '../observe/stats-json.js'
import { json, Refusal } from './answer.js'
import type { AdminStash } from './options.js'

/** A change that may be carried out, and the name of the namespace it is about. */
export interface Change {
  readonly namespace: string | null
  run(): Promise<Response>
}

type Body = Readonly<Record<string, unknown>> | undefined

const MAX_TAGS = 100

/** `POST /clear[?cache_type=template]`; the body may name it instead, `{ "cache_type": "template" }`. */
export function clearChange(stash: AdminStash, url: URL, body: Body): Change {
  checkFields(body, ['cache_type'])
  const namespace = namespaceOf(stash, url, body)
  return {
    namespace,
    async run() {
      const result = await (namespace === null ? stash.clear() : stash.namespace(namespace).clear())
      const cleared = namespace === null ? stash.names() : [namespace]
      return json({ status: 'success', cleared, result })
    },
  }
}

/** `POST /invalidate`: `{ "tags": [...], "cache_type"?, "mode"? }` or `{ "cache_type", "key" }`. */
export function invalidateChange(stash: AdminStash, url: URL, body: Body): Change {
  if (body === undefined)
    throw new Refusal(400, 'body', 'Expected a JSON body with tags, or with a key and a cache_type.')
  checkFields(body, ['tags', 'key', 'cache_type', 'mode', 'scope'])
  const namespace = namespaceOf(stash, url, body)
  const mode = modeOf(body.mode)
  if ('key' in body) return keyChange(stash, namespace, body, mode)
  // Of tags there is no scope: they would go in all of them.
  if ('scope' in body) throw new Refusal(400, 'scope', 'Expected scope beside a key only.')
  const tags = tagsOf(body.tags)
  const target = namespace === null ? stash : stash.namespace(namespace)
  return {
    namespace,
    run: async () => json({ status: 'success', result: await target.invalidateTags(tags, { mode }) }),
  }
}

/** `POST /forget`: `{ "subject": "user:42" }`. */
export function forgetChange(stash: AdminStash, body: Body): Change {
  if (stash.forget === undefined) throw new Refusal(404, 'not_found', 'There is no such endpoint.')
  checkFields(body, ['subject'])
  const subject = body?.subject
  if (typeof subject !== 'string' || subject === '')
    throw new Refusal(400, 'subject', 'Expected a JSON body with a subject, a text.')
  const forget = stash.forget
  return { namespace: null, run: async () => json({ status: 'success', receipt: await forget(subject) }) }
}

function keyChange(stash: AdminStash, name: string | null, body: NonNullable<Body>, mode: 'delete' | 'expire'): Change {
  if (name === null) throw new Refusal(400, 'cache_type', 'Expected cache_type beside key: whose key is it?')
  if ('tags' in body) throw new Refusal(400, 'body', 'Expected either tags or a key, not both.')
  const { key, scope } = body
  if (scope !== undefined && typeof scope !== 'string') throw new Refusal(400, 'scope', 'Expected scope to be a text.')
  const namespace = stash.namespace(name)
  const options = scope === undefined ? undefined : { scope }
  return {
    namespace: name,
    async run() {
      const result = await (mode === 'expire' ? namespace.expire(key, options) : namespace.delete(key, options))
      return json({ status: 'success', result })
    },
  }
}

function namespaceOf(stash: AdminStash, url: URL, body: Body): string | null {
  const asked = url.searchParams.get('cache_type')
  const told = body?.cache_type
  if (asked !== null && told !== undefined)
    throw new Refusal(400, 'cache_type', 'Expected cache_type in the query or in the body, not in both.')
  const name = asked ?? told
  if (name === undefined) return null
  if (typeof name !== 'string') throw new Refusal(400, 'cache_type', 'Expected cache_type to be a text.')
  const meant = namespaceMeant(name, stash.names())
  if (meant === undefined)
    throw new Refusal(404, 'namespace_unknown', 'There is no such namespace. GET /stats has all.')
  return meant
}

function tagsOf(tags: unknown): readonly string[] {
  const isFit =
    Array.isArray(tags) &&
    tags.length > 0 &&
    tags.length <= MAX_TAGS &&
    tags.every((tag) => typeof tag === 'string' && tag !== '')
  if (!isFit) throw new Refusal(400, 'tags', `Expected tags to be an array of 1 to ${MAX_TAGS} texts.`)
  return tags as readonly string[]
}

function modeOf(mode: unknown): 'delete' | 'expire' {
  if (mode === undefined || mode === 'delete') return 'delete'
  if (mode === 'expire') return mode
  throw new Refusal(400, 'mode', "Expected mode to be 'delete' or 'expire'.")
}

// A misspelt field would clear more than was meant.
function checkFields(body: Body, known: readonly string[]): void {
  const isKnown = Object.keys(body ?? {}).every((field) => known.includes(field))
  if (!isKnown) throw new Refusal(400, 'field_unknown', `Expected no other fields than ${known.join(', ')}.`)
}
