import { describe, expect, it } from 'vitest'
import {
  httpAnswer,
  httpConnection,
  httpContract,
  httpCredentials,
  httpStatus,
  httpTimeout,
  poolClosed,
} from '../../../src/errors/http-error.js'
import { classifyError } from '../../../src/resilience/index.js'

const of = (error: unknown) => {
  const { kind, retryable, untouched, verdict } = classifyError(error, 0)
  return [kind, retryable, untouched, verdict]
}
const coded = (code: string) => Object.assign(new Error('secret'), { code })

describe('what an error says of its upstream', () => {
  it.each<[string, unknown, unknown[]]>([
    ['a rate limit', httpStatus('m', 'GET', 429, 5), ['rate_limited', true, true, 'neutral']],
    ['bad credentials', httpStatus('m', 'GET', 401, undefined), ['auth', false, false, 'neutral']],
    ['an upstream in trouble', httpStatus('m', 'GET', 503, undefined), ['error', true, true, 'failure']],
    ['a broken upstream', httpStatus('m', 'GET', 500, undefined), ['error', true, false, 'failure']],
    ['an upstream that answers', httpStatus('m', 'GET', 404, undefined), ['error', false, false, 'success']],
    ['an upstream that was slow itself', httpStatus('m', 'GET', 408, undefined), ['error', true, false, 'failure']],
    ['no headers', httpTimeout('m', 'GET', 'headers'), ['timeout', true, false, 'failure']],
    [
      'no connection in time',
      httpTimeout('m', 'GET', 'connect', coded('UND_ERR_CONNECT_TIMEOUT')),
      ['timeout', true, true, 'failure'],
    ],
    ['no time left', httpTimeout('m', 'GET', 'deadline'), ['timeout', false, false, 'neutral']],
    ['a refused connection', httpConnection('m', 'GET', coded('ECONNREFUSED')), ['error', true, true, 'failure']],
    ['a reset', httpConnection('m', 'GET', coded('ECONNRESET')), ['error', true, false, 'failure']],
    ['a web page', httpAnswer('m', 'GET', 200, 'is no JSON'), ['contract_output', true, false, 'failure']],
    ['an answer that does not fit', httpContract('m', 'output', []), ['contract_output', true, false, 'failure']],
    ['a body that does not fit', httpContract('m', 'input', []), ['contract_input', false, true, 'neutral']],
    ['no credentials', httpCredentials('m'), ['auth', false, true, 'neutral']],
    ['a vault that is away', httpCredentials('m', new Error('x')), ['auth', true, true, 'neutral']],
    ['a pool that is closed', poolClosed('m'), ['error', false, true, 'neutral']],
    ['a timeout signal', new DOMException('x', 'TimeoutError'), ['timeout', true, false, 'failure']],
    ["another client's timeout", coded('ETIMEDOUT'), ['timeout', true, false, 'failure']],
    ['a status told elsewhere', { response: { status: 429 } }, ['rate_limited', true, true, 'neutral']],
    ['an SDK that has retried', { reason: 'maxRetriesExceeded', status: 503 }, ['error', false, true, 'failure']],
    ['nothing known', 'secret', ['error', true, false, 'failure']],
    ['nothing at all', undefined, ['error', true, false, 'failure']],
  ])('%s', (_, error, expected) => {
    expect(of(error)).toEqual(expected)
  })

  it('takes no text of the error with it', () => {
    const error = Object.assign(new Error('secret'), {
      code: 'secret text',
      name: 'a secret name',
      cause: { code: 'x y' },
    })
    expect(JSON.stringify(classifyError(error, 0))).not.toContain('secret')
  })

  it('takes an error that cannot be read for one that says nothing', () => {
    const trap = (): never => {
      throw new Error('trap')
    }
    const revoked = Proxy.revocable({}, {})
    revoked.revoke()
    for (const error of [revoked.proxy, Object.defineProperty(new Error('x'), 'status', { get: trap })]) {
      expect(classifyError(error, 0)).toEqual(classifyError(undefined, 0))
    }
  })
})
