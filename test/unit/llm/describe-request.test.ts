import { describe, expect, it } from 'vitest'
import { describeRequest } from '../../../src/llm/describe-request.js'

describe('a described request', () => {
  const ask = (body: object, init: RequestInit = {}) =>
    describeRequest('https://host/v1/chat/completions', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      ...init,
    })

  it('reads the same for the same request, names in order', async () => {
    const [one, two] = [
      await ask({ model: 'm', messages: [], a: { c: 1, b: 2 } }),
      await ask({ a: { b: 2, c: 1 }, messages: [], model: 'm' }),
    ]
    expect(one).toEqual(two)
    expect(one?.text).not.toContain('\n')
  })

  it('is undefined for what passes through', async () => {
    expect(await ask({ prompt: 'x' })).toBeUndefined()
    expect(await ask({}, { method: 'PUT' })).toBeUndefined()
    expect(await ask({}, { body: 'no json' })).toBeUndefined()
    expect(await ask({}, { headers: { 'content-type': 'text/plain' } })).toBeUndefined()
  })

  it('leaves a Request as it was', async () => {
    const request = new Request('https://host/v1/chat/completions', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"messages":[]}',
    })
    expect((await describeRequest(request))?.key).toBe((await ask({ messages: [] }))?.key)
    expect(await request.text()).toBe('{"messages":[]}')
  })

  it('takes out what the host names: texts, patterns, whatever a function does', async () => {
    const body = JSON.stringify({
      model: 'm',
      messages: [{ role: 'user', content: 'Ada Lovelace, 0123-456, ada@host' }],
    })
    const described = await describeRequest(
      'https://host/v1/chat/completions',
      { method: 'POST', headers: { 'content-type': 'application/json' }, body },
      { scrub: ['Ada Lovelace', /\d{4}-\d{3}/, (text) => text.replaceAll('ada@host', '(mail)')] },
    )
    expect(described?.text).toContain('[scrubbed], [scrubbed], (mail)')
    expect(JSON.parse(described?.text ?? '')).toMatchObject({
      format: 'openai-chat',
      method: 'POST',
      url: 'https://host/v1/chat/completions',
    })
  })
})
