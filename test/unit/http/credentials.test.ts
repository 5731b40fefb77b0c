import { describe, expect, it, vi } from 'vitest'
import { type AuthRequest, createCredentials } from '../../../src/http/credentials.js'
import { createFakeClock } from '../../../src/testing/fake-clock.js'

function setUp(ask: (request: AuthRequest) => unknown) {
  const clock = createFakeClock()
  const auth = vi.fn(ask) as never as (request: AuthRequest) => string
  return { clock, auth, credentials: createCredentials('m', auth, clock) }
}

describe('credentials', () => {
  it('are a bearer token, or the value of the header that is named', () => {
    const clock = createFakeClock()
    const bearer = createCredentials('m', ' t0k\n', clock)
    expect([bearer.header, bearer.valueOf(bearer.current() as string)]).toEqual(['authorization', 'Bearer t0k'])
    const key = createCredentials('m', { header: 'X-Api-Key', value: 'k' }, clock)
    expect([key.header, key.valueOf(key.current() as string)]).toEqual(['x-api-key', 'k'])
  })

  it('are asked for once, for all who need them, and kept', async () => {
    const { auth, credentials } = setUp(async () => 'a')
    expect(credentials.configured).toBe(true)
    expect(await Promise.all([credentials.current(), credentials.current()])).toEqual(['a', 'a'])
    expect(credentials.current()).toBe('a')
    expect(auth).toHaveBeenCalledTimes(1)
    expect(auth).toHaveBeenCalledWith({ refresh: false })
    expect(credentials.configured).toBe(true)
  })

  it('are renewed once for all whom they failed', async () => {
    let given = 0
    const { auth, credentials } = setUp(async () => `t${++given}`)
    await credentials.current()
    expect(await Promise.all(['t1', 't1', 't1'].map((refused) => credentials.renewed(refused)))).toEqual([
      't2',
      't2',
      't2',
    ])
    expect(auth).toHaveBeenLastCalledWith({ refresh: true })
    // Who was refused before, and hears of it after, takes what there is.
    expect(await credentials.renewed('t1')).toBe('t2')
    expect(auth).toHaveBeenCalledTimes(2)
  })

  it('that stay the same, or are refused when they are fresh, are not renewed for a second', async () => {
    const { auth, clock, credentials } = setUp(async () => 'same')
    await credentials.current()
    expect(await credentials.renewed('same')).toBeUndefined()
    expect(await credentials.renewed('same')).toBeUndefined()
    expect(auth).toHaveBeenCalledTimes(2)
    await clock.advance(1000)
    expect(await credentials.renewed('same')).toBeUndefined()
    expect(auth).toHaveBeenCalledTimes(3)
  })

  it.each([undefined, '', '  ', 7])('that are %o are none', async (given) => {
    const { credentials } = setUp(() => given)
    await expect(credentials.current()).rejects.toMatchObject({ code: 'ERR_HTTP_CREDENTIALS', retryable: false })
    expect(credentials.configured).toBe(false)
  })

  it('that cannot be had are asked for again by the next call', async () => {
    let calls = 0
    const { credentials } = setUp(() => {
      if (++calls === 1) throw new Error('vault is away')
      return 'a'
    })
    await expect(credentials.current()).rejects.toMatchObject({ code: 'ERR_HTTP_CREDENTIALS', retryable: true })
    expect(credentials.configured).toBe(true)
    expect(await credentials.current()).toBe('a')
  })

  it('that never come are asked for anew after half a minute', async () => {
    let calls = 0
    const { clock, credentials } = setUp(() => (++calls === 1 ? new Promise(() => {}) : 'a'))
    void credentials.current()
    void credentials.current()
    await clock.advance(30_000)
    expect(await credentials.current()).toBe('a')
    expect(calls).toBe(2)
  })

  it.each([[''], [{ header: 'no header', value: 'x' }], [{ header: 'x', value: 7 }], [{ value: 'x', head: 'x' }], [7]])(
    'are refused as %o, without being shown',
    (auth) => {
      expect(() => createCredentials('m', auth as never, createFakeClock())).toThrowError(
        expect.objectContaining({ code: 'ERR_OPTION_INVALID' }),
      )
    },
  )
})
