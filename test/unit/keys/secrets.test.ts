import { describe, expect, it } from 'vitest'
import { scrubJsonText, scrubText, scrubValue } from '../../../src/keys/secrets.js'

/** What takes a square of the length takes minutes here; one pass, a moment on a machine of any speed. */
const HANG_MS = 30_000

describe('scrubbing', () => {
  it.each([
    'sk-proj-abcdefgh12345678',
    'sk-ant-api03-abcdefgh',
    `AIza${'a'.repeat(35)}`,
    `ghp_${'a'.repeat(36)}`,
    `github_pat_${'a'.repeat(30)}`,
    'glpat-abcdefghijklmnopqrst',
    'xoxb-123456789-abc',
    'AKIAABCDEFGHIJKLMNOP',
    `hf_${'a'.repeat(20)}`,
    ...['sk_live_', 'rk_test_', 'gsk_', 'npm_', 'r8_', 'whsec_', 'shpat_', 'xai-', 'pplx-', 'ya29.'].map(
      (begins) => begins + 'aB3'.repeat(8),
    ),
    `SG.${'a'.repeat(22)}.${'b'.repeat(43)}`,
    '-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nabc\n-----END PGP PRIVATE KEY BLOCK-----',
    `eyJhbGciOiJI.eyJzdWIiOiIx.${'a'.repeat(20)}`,
    'Bearer abcdefgh12345678',
    '-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----',
  ])('takes %s out of a text', (secret) => {
    const clean = scrubText(`before ${secret} behind`, [])
    expect(clean).toContain('[scrubbed]')
    expect(clean).toMatch(/^before .* behind$/s)
    expect(clean).not.toContain(secret.slice(4))
  })

  it.each([
    ['see https://user:secret@host/path', 'see https://[scrubbed]@host/path'],
    ['redis://:secret@cache:6379/0', 'redis://[scrubbed]@cache:6379/0'],
    ['postgres://user:p@ss@db/jobs and me@home', 'postgres://[scrubbed]@db/jobs and me@home'],
    ['https://host:8080/a@b and ssh://git@host/path', 'https://host:8080/a@b and ssh://git@host/path'],
  ])('takes the password out of an address and leaves the rest: %s', (text, clean) => {
    expect(scrubText(text, [])).toBe(clean)
  })

  it.each([
    ['https://store.example/a.png?sv=1&sig=abc%2Fdef%3D&se=2', 'https://store.example/a.png?sv=1&sig=[scrubbed]&se=2'],
    ['see https://h/?X-Amz-Signature=0123456789ab&x=1 .', 'see https://h/?X-Amz-Signature=[scrubbed]&x=1 .'],
    ['(https://h/p?a=1&access_token=abcdefgh)', '(https://h/p?a=1&access_token=[scrubbed])'],
    ['https://h/p#access_token=abcdefgh&x=1', 'https://h/p#access_token=[scrubbed]&x=1'],
    ['https://h/?page_token_count=12345678&monkey=banana12', 'https://h/?page_token_count=12345678&monkey=banana12'],
  ])('takes what a query holds out of %s', (text, clean) => {
    expect(scrubText(text, [])).toBe(clean)
  })

  it('knows by their names what a signed address, a cloud and a person call a secret, and lists of them', () => {
    for (const name of ['X-Amz-Signature', 'passphrase', 'pwd', 'accessKey', 'x-functions-key', 'aws_access_key_id'])
      expect(scrubValue({ [name]: 'abc' }, []), name).toEqual({ [name]: '[scrubbed]' })
    expect(scrubValue({ secrets: ['a', 'b'], required: ['password'] }, [])).toEqual({
      secrets: '[scrubbed]',
      required: ['password'],
    })
  })

  it.each(['sk-abcdefgh12345', 'AKIAABCDEFGHIJKLMNOP', 'ghp_abcdefghijklmnop', 'eyJhbGciOiJI.eyJzdWIiOiIx.abcdef'])(
    'finds %s at the beginning of a line, in JSON and in JSON within JSON, too',
    (secret) => {
      for (const before of ['a\n', 'a\r\n', '\t', '\u0001', '']) {
        const json = JSON.stringify({ content: `${before}${secret}` })
        const nested = JSON.stringify({ arguments: json })
        for (const text of [json, nested]) {
          expect(scrubJsonText(text, [])).toBe(text.replace(secret, '[scrubbed]'))
        }
      }
      expect(scrubJsonText(JSON.stringify({ content: `mask-${secret}`.replace('-', '') }), [])).toContain(secret)
    },
  )

  it('takes all of a secret with quotes and backslashes in it out of JSON, in a text and in JSON in that', () => {
    for (const password of ['ab"cd', '"', 'ab\\', 'ab\\"cd\\\\', '\\"']) {
      let [given, clean] = [JSON.stringify({ password, user: 'ada' }), '{"password":"[scrubbed]","user":"ada"}']
      for (let depth = 0; depth < 3; depth++) {
        expect(scrubText(given, [])).toBe(clean)
        given = JSON.stringify({ given })
        clean = JSON.stringify({ given: clean })
      }
    }
  })

  it('knows a value by the name before it in JSON inside a text, on one line or on many, however deep', () => {
    for (const label of ['name', 'key'])
      for (const space of [0, 2, '\t']) {
        let text = JSON.stringify({ env: { list: [{ [label]: 'DB_PASSWORD', value: 'canary' }] } }, null, space)
        for (let depth = 0; depth < 3; depth++, text = JSON.stringify({ content: text }))
          for (const scrub of [scrubText, scrubJsonText]) expect(scrub(text, []), text).not.toContain('canary')
      }
  })

  it('takes a list under a telling name out of a JSON text, and leaves others alone', () => {
    const text = (value: unknown) => scrubJsonText(JSON.stringify(value), [])
    expect(text({ api_keys: ['a]', '"b'], stop: ['x', 'y'] })).toBe('{"api_keys":"[scrubbed]","stop":["x","y"]}')
    expect(text({ secrets: [], list: [{ password: 'p' }] })).toBe(
      '{"secrets":"[scrubbed]","list":[{"password":"[scrubbed]"}]}',
    )
  })

  it('leaves plain words, numbers and token counts alone', () => {
    const body = {
      max_tokens: 5,
      task: 'ask-me-anything',
      text: 'risk-averse task-oriented',
      count: 'token',
      total_tokens: '7',
    }
    expect(scrubValue(body, [])).toEqual(body)
  })

  it('takes what stands under a telling name, at any depth, and nothing that is no text', () => {
    const body = {
      a: [
        {
          api_key: 'x',
          'X-Api-Key': 'y',
          password: 'z',
          refreshToken: 'r',
          key: 'k',
          secret: 7,
          token: 't',
          keyboard: 'q',
        },
      ],
    }
    expect(scrubValue(body, [])).toEqual({
      a: [
        {
          api_key: '[scrubbed]',
          'X-Api-Key': '[scrubbed]',
          password: '[scrubbed]',
          refreshToken: '[scrubbed]',
          key: '[scrubbed]',
          secret: 7,
          token: '[scrubbed]',
          keyboard: 'q',
        },
      ],
    })
  })

  it('knows a value by the name beside it', () => {
    const variables = [
      { name: 'OPENAI_API_KEY', value: 'abc' },
      { type: 'env', value: 'abc', key: 'DB_PASSWORD' },
      { name: 'REGION', value: 'eu' },
    ]
    expect(scrubValue(variables, [])).toEqual([
      { name: 'OPENAI_API_KEY', value: '[scrubbed]' },
      { type: 'env', value: '[scrubbed]', key: '[scrubbed]' },
      { name: 'REGION', value: 'eu' },
    ])
  })

  it('takes objects under a telling name, but for what tells a tool what is wanted of it', () => {
    const credentials = { user: 'ada', phrase: 'open sesame', more: { type: 'basic' } }
    expect(scrubValue({ credentials, secret: {} }, [])).toEqual({ credentials: '[scrubbed]', secret: {} })
    const properties = {
      password: { type: 'string' },
      api_key: { $ref: '#/a' },
      token: { type: ['string', 'null'] },
      secret: { anyOf: [{ type: 'STRING' }] },
    }
    expect(scrubValue({ properties, required: ['password'] }, [])).toEqual({ properties, required: ['password'] })
  })

  it.each([
    ['My settings: {"apiKey": "open sesame", "a": 1}', 'My settings: {"apiKey": "[scrubbed]", "a": 1}'],
    ['{\\"db_password\\":\\"abc\\",\\"b\\":2}', '{\\"db_password\\":\\"[scrubbed]\\",\\"b\\":2}'],
    ['[{"name": "MY_API_KEY", "value": "abc"}]', '[{"name": "MY_API_KEY", "value": "[scrubbed]"}]'],
    ['PORT=808080\nMY_API_KEY="abcdef"\nA=1', 'PORT=808080\nMY_API_KEY="[scrubbed]"\nA=1'],
    ['{"password": "C:\\\\ada\\\\b"}', '{"password": "[scrubbed]"}'],
    ['sort(key=lambda_of_names) and {"max_tokens": "many"}', 'sort(key=lambda_of_names) and {"max_tokens": "many"}'],
    ['{"monkey": "banana", "name": "x", "value": "y"}', '{"monkey": "banana", "name": "x", "value": "y"}'],
  ])('knows by its name what a text holds: %s', (text, clean) => {
    expect(scrubText(text, [])).toBe(clean)
    // And in JSON, as the text of a message stands there.
    const inside = JSON.stringify({ content: text })
    expect(JSON.parse(scrubText(inside, []))).toEqual({ content: clean })
  })

  it('puts long bytes down as their digest, so that two images stay apart and nobody scrolls', () => {
    const image = (of: string) => `data:image/png;base64,${Buffer.from(of.repeat(2_000)).toString('base64')}`
    const [cat, dog] = [scrubValue(image('cat'), []), scrubValue(image('dog'), [])] as string[]
    expect(cat).toMatch(/^\[image\/png, 8022 characters, .{16}\]$/)
    expect(dog).not.toBe(cat)
  })

  it(
    'takes linear time for hostile texts',
    () => {
      const hostile = [
        'sk-'.repeat(100_000),
        'eyJ'.repeat(100_000),
        '-----BEGIN PRIVATE KEY-----'.repeat(10_000),
        'a://'.repeat(100_000),
        `https://${'a'.repeat(400_000)}`,
        '\\'.repeat(400_000),
        '"'.repeat(400_000),
        '"key":"'.repeat(60_000),
        `"key"${' '.repeat(400_000)}`,
        '"name":"secret","value":"'.repeat(20_000),
        'A'.repeat(400_000),
        'KEY='.repeat(100_000),
        `"key":"${'\\'.repeat(400_000)}`,
        `"key":"${'\\n'.repeat(200_000)}`,
        `"key":"${'a'.repeat(5_000_000)}`,
        `{"text":"${'a'.repeat(20_000_000)}"}`,
      ]
      for (const text of hostile) scrubText(text, [])
      for (const text of ['"a":['.repeat(100_000), '"a":["'.repeat(100_000), `"a":[${'"b",'.repeat(100_000)}`])
        scrubJsonText(text, [])
    },
    HANG_MS,
  )
})
