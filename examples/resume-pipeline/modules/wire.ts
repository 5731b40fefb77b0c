import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { z } from 'zod'

const MAX_BODY_BYTES = 1024 * 1024
const MAX_ISSUES = 5

/** A refusal with a status of its own; anything else that is thrown in a module becomes a plain 500. */
export class ModuleError extends Error {
  readonly status: number
  readonly code: string
  readonly headers: Record<string, string>
  readonly issues: readonly Issue[]

  constructor(
    status: number,
    code: string,
    message: string,
    more: Partial<Pick<ModuleError, 'headers' | 'issues'>> = {},
  ) {
    super(message)
    this.name = 'ModuleError'
    this.status = status
    this.code = code
    this.headers = more.headers ?? {}
    this.issues = more.issues ?? []
  }
}

/** One thing that is wrong with a body: where, and what was expected there. Never what was found. */
export interface Issue {
  path: string
  message: string
}

/** Tells whether the request carries `token`, in a time that does not depend on how much of it is right. */
export function carriesToken(request: IncomingMessage, token: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(request.headers.authorization ?? ''), digest(`Bearer ${token}`))
}

/** Reads a JSON body of at most 1 MiB. */
export async function readJson(request: IncomingMessage): Promise<unknown> {
  const body = await readBody(request)
  try {
    return JSON.parse(body.toString('utf8'))
  } catch {
    throw new ModuleError(400, 'invalid_json', 'The body is not JSON.')
  }
}

/** Checks a body against the module's contract; the refusal names the paths, not the values: they may be personal. */
export function checkInput<Schema extends z.ZodType>(
  schema: Schema,
  body: unknown,
  at: readonly PropertyKey[] = [],
): z.output<Schema> {
  const checked = schema.safeParse(body)
  if (checked.success) return checked.data
  const issues = checked.error.issues
    .flatMap(withoutUnions)
    .slice(0, MAX_ISSUES)
    .map(({ path, message }) => ({ path: jsonPath([...at, ...path]), message }))
  throw new ModuleError(400, 'invalid_input', `The body breaks the contract at ${issues[0]?.path ?? '$'}.`, { issues })
}

/** Sends a JSON answer. */
export function sendJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  const bytes = Buffer.from(JSON.stringify(body))
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': bytes.length, ...headers })
  response.end(bytes)
}

/** The answer to a refusal: a code, a sentence, and the issues if there are some. No stack, nothing of the payload. */
export function errorBody({ code, message, issues }: ModuleError) {
  return { error: { code, message, ...(issues.length > 0 && { issues }) } }
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  if (Number(request.headers['content-length'] ?? 0) > MAX_BODY_BYTES) throw tooLarge()
  const chunks: Buffer[] = []
  let size = 0
  // A destroyed request would reset the connection before the 413 is read.
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    size += (chunk as Buffer).length
    if (size > MAX_BODY_BYTES) throw tooLarge()
    chunks.push(chunk as Buffer)
  }
  return Buffer.concat(chunks)
}

function tooLarge(): ModuleError {
  return new ModuleError(413, 'too_large', 'The body is larger than 1 MiB.', { headers: { connection: 'close' } })
}

type ZodIssue = z.core.$ZodIssue

/** "Invalid input" at the union's root helps nobody: the issues of the alternative that came closest do. */
function withoutUnions(issue: ZodIssue): ZodIssue[] {
  if (issue.code !== 'invalid_union') return [issue]
  const depth = (issues: readonly ZodIssue[]) => Math.max(0, ...issues.map(({ path }) => path.length))
  const [closest = []] = [...issue.errors].sort((a, b) => depth(b) - depth(a))
  return closest.flatMap(withoutUnions).map((inner) => ({ ...inner, path: [...issue.path, ...inner.path] }))
}

function jsonPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>((at, key) => at + (typeof key === 'number' ? `[${key}]` : `.${String(key)}`), '$')
}
