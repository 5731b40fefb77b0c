/** What goes with one call to a module, beside the payload. */
interface ModuleCall {
  token: string
  signal: AbortSignal
  idempotencyKey: string
}

/** Speaks to one module. */
export interface ModuleClient {
  /** Resolves with the JSON object that the module answers; any other outcome rejects. */
  post(path: string, body: unknown, call: ModuleCall): Promise<object>
}

/** A refusal of a module: what the retry policy needs to know of it, and nothing of its text. */
class ModuleCallError extends Error {
  readonly status: number
  /** With `retry-after`, where the module said so. */
  readonly headers: Headers

  constructor(status: number, headers: Headers) {
    super(`The module answered ${status}.`)
    this.name = 'ModuleCallError'
    this.status = status
    this.headers = headers
  }
}

/** Makes the client of the module at `url`. */
export function createModuleClient(url: string): ModuleClient {
  return {
    async post(path, body, { token, signal, idempotencyKey }) {
      const response = await fetch(`${url}${path}`, {
        method: 'POST',
        signal,
        headers: {
          'content-type': 'application/json',
          authorization: `Bearer ${token}`,
          'idempotency-key': idempotencyKey,
          'x-caller': 'back-end',
        },
        body: JSON.stringify(body),
      })
      if (!response.ok) {
        // An unread body would keep its connection from the next call.
        await response.body?.cancel()
        throw new ModuleCallError(response.status, response.headers)
      }
      const answer: unknown = await response.json()
      if (typeof answer === 'object' && answer !== null) return answer
      throw new TypeError('The module answered with something else than an object.')
    },
  }
}
