import { describe, expect, it } from 'vitest'
import { digest, digestOf } from '../../../src/keys/digest.js'
import { createKeyer, KEY_SCHEMA_VERSION } from '../../../src/keys/key.js'
import { keyForm } from '../../../src/keys/key-form.js'

// These pin key schema 1. Whoever changes one of them makes every stored entry of every user unreachable: raise
// KEY_SCHEMA_VERSION with it, and never let two schemas share a version.
class Money {
  static readonly name = 'Money';
  [keyForm]() {
    return { cents: 5 }
  }
}

const values: readonly (readonly [what: string, value: unknown, digest: string])[] = [
  ['undefined', undefined, 'S_USLzRFVMU73i67jNK349FgCtYxw4Wl18ziPHeFRZo'],
  ['null', null, '28G0yQD_5I1XW12lxjgEASX2XbD-PiRJS3bqmGRX2YY'],
  ['true', true, 'CE_tCLl4r019GWp0RqhrWACeY2thHbFiEbZamq3_KcU'],
  ['false', false, '5S2cUIxQI0c0TYwHrZHL1gaK_HX_YpLwYqCco4HInnE'],
  ['zero', -0, 'KSGhHyXa2qJKp5pUjk6BUIwuXlavLYM9ZeK8zkSM4vU'],
  ['an integer', 42, '9Td_l6d2wczyYmLjczoOZFropz7qVEQCCJPMJynicmw'],
  ['a negative integer', -(2 ** 31), 'tucH_LBFu0lZLL5wqfQk9rf4aAkypiYvTVAG8jfa7yc'],
  ['a large integer', 2 ** 53, 'C0FYlK-r0-Vfts-prAgYrxLu6vGMjxE2INoAc2-h8_w'],
  ['a fraction', 0.1, 'smmBkbZea9i6L4A8llAseTF5683Is_vBsoiVy-Im0F4'],
  ['NaN', Number.NaN, 'yjWHWPbSfmz0UnKTeXenSP2IOR22ec7afce_HwBe6Hk'],
  ['infinity', Number.NEGATIVE_INFINITY, 'epRPRTzZ3a4MUubwAGDzUy6zJa8xR1YzZPOiK2L65Mg'],
  ['a bigint', -(10n ** 30n), '_x0T-ymPzOEPdiNDkjGPaq5-1yl5zlMReo_LGHdzeM4'],
  ['an empty string', '', 'osSu0c91fNmlCXNKJn_8exFmtV9Mj5w-NVDFbnQzKPw'],
  ['ASCII', 'resume', 'QiaWIb0pRXFSFXTKvGEpsonhJCzMA1lt48T6lo3A1RU'],
  ['Unicode', 'Lebenslauf für Zoë 😀', 'vGXqAaUYiQzu8jG-nJKSfp6MKy1G-7gOOKmeOOMqBg4'],
  ['a lone surrogate', 'a\ud800', 'sm8SfiA70OD090WdlFnfofaXz4wwmDpO8jj4ndbPANA'],
  ['a long text', 'lorem ipsum '.repeat(500), 'ECANtaTHNa5-7kc4MQnk_bNHGtn55r1aVlUjlpLbKiA'],
  ['a date', new Date('2024-02-29T12:00:00Z'), 'xLkhaFeMACHqFj1mOYLR8ZzurRm0kULlAkVCwWDtV0Y'],
  ['an invalid date', new Date(Number.NaN), 'UupMO7VpwfBZlwQq9Qmp3xefoRBBDi749O1nb1tAMKI'],
  ['an array', [1, '1', [undefined, null]], 'azyzYYznLO5xFjNaJY2fOJpWznnRNn1OIEgZuBFrmYE'],
  ['a sparse array', Object.assign(new Array(3), { 1: 'x' }), 'adyXJ85Hb98D-EYNuxnlpSJmrSdhlwbVBX8Q5Bpgq3g'],
  ['an object', { b: 1, a: { d: undefined, c: [] } }, 'l6IP53Kk1yLhdHCoARKexZCQmp0igos7SZZ39ylhxCg'],
  ['a __proto__ property', JSON.parse('{"__proto__":1}'), 'fHfnTw2xpcGLtul0TuiGnB5GS58sGMPKwSg7RgM8qj0'],
  [
    'a Map',
    new Map<unknown, unknown>([
      ['b', 1],
      [{ a: 1 }, 2],
    ]),
    'uy1SzOQ5qGkxkqycggqzIRxQ6VS20d1azcMhixdrOw4',
  ],
  ['a Set', new Set<unknown>(['b', 1, 'a']), 'pXlzTTjYcpAmve0SZK6DLyb5rur6N_s9zT3kVY-DdlY'],
  ['a Uint8Array', Uint8Array.of(1, 2, 3), 'IKVy04BCH0fMdAYMLSF4IFH0xlPaxdK0S-6V3ZMF7zg'],
  ['a Float32Array', Float32Array.of(0.5, -1), 'QiIY3m1_zoqME5ahPTtRfo_19YT5kMrg09ml_qMUA-8'],
  ['a Buffer', Buffer.from('abc'), 'Fyhzdp0igrvsTtlTC9z7QOsMU_jAfTUlXOUDjAekC9Y'],
  ['an ArrayBuffer', Uint8Array.of(1, 2, 3).buffer, 'PLvuEifPy6MgWbaPPDOMoBgynRMv5wxQVMboX5_wWiE'],
  ['a DataView', new DataView(Uint8Array.of(1, 2, 3).buffer), 'S2P6SwfV-OjeaI1eMqJ0MTJmYB7X72pR-JvrsBFl-nc'],
  ['a URL', new URL('https://jobs.example/a?b=c#d'), 'RIYVRAJD_hRrtryIM_OSvssx7bPmAr4okPAlUMxaEhM'],
  ['a RegExp', /a+/gi, 'GelTwdM9WL-X5Yyijnu2dI8yN2mfWn1iMXbKICLDhWE'],
  ['a value with a form', new Money(), 'qd03CQg2rMquNj7EC_EXPilcb-BtbR9yfBYe7f7rjPE'],
  ['a marker', { resume: digest({ name: 'A' }) }, 'O4gYx7FEDd9vp0jzy0CbwHFycwn83Bj0BxB8xQWLawo'],
  [
    'a chat request',
    { model: 'gpt-5', temperature: 0.2, messages: [{ role: 'user', content: 'Hi' }] },
    '2qdGPPDhDQKvixmIn9eJQ9QGoLOsr9L_4WYvO9VuE_4',
  ],
]

const resume = { name: 'Ada Example', skills: ['TypeScript', 'Redis'] }
const request = { model: 'gpt-5', messages: [{ role: 'user', content: 'Hi' }] }

const keys: readonly (readonly [what: string, parts: readonly unknown[], text: string])[] = [
  [
    'render:{templateId}:{resumeHash}',
    ['render', 'modern-2', digest(resume)],
    'render:modern-2:Q-INcLBz6iJr3KmlSPXZtsRBjS32Ka7I62L9nxijZzo',
  ],
  [
    '{promptType}:{dataHash}',
    ['cover_letter', digest({ jobId: 'j1' })],
    'cover_letter:w635lxqLryrug7JOMQ8yyGufG3in0MCqVYJ9TmB5dio',
  ],
  [
    'ai_response:{requestHash}',
    ['ai_response', digest(request)],
    'ai_response:joxF1wIBeWvexXR6-4LBvbprmoSkMm0CE1rnSTz8-78',
  ],
  [
    'pdf:{templateId}:{resumeHash}',
    ['pdf', 'modern-2', digest(resume)],
    'pdf:modern-2:Q-INcLBz6iJr3KmlSPXZtsRBjS32Ka7I62L9nxijZzo',
  ],
  [
    'eval:{jobId}:{resumeHash}',
    ['eval', 'job-17', digest(resume)],
    'eval:job-17:Q-INcLBz6iJr3KmlSPXZtsRBjS32Ka7I62L9nxijZzo',
  ],
  ['eval:{jobId}:{resumeVersion}', ['eval', 'job-17', 'v3'], 'eval:job-17:v3'],
  ['eval:{jobId}:{resumeVersion}, a number', ['eval', 'job-17', 3], 'eval:job-17:~n3'],
  [
    'every scalar',
    ['', 'a b', 1.5, true, false, null, undefined, 7n, 'x'.repeat(64)],
    '~e:a%20b:~n1.5:~t:~f:~null:~u:~i7:xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx',
  ],
  [
    'escapes',
    ['a:b', '{c}', 'd*?', '~t', '100%', 'é', 'e@f.g/h+i=j,k'],
    'a%3Ab:%7Bc%7D:d%2A%3F:%7Et:100%25:%C3%A9:e@f.g/h+i=j,k',
  ],
  [
    'long and structured parts',
    ['x'.repeat(65), { a: 1 }, 'A'.repeat(43), '\ud800'],
    '3xsUY1tHAewh7VwAkEGtq1WqtFAgq4y0GDz1HUPEnuM:8nNZrNKgJ4u9fElvuNbnz_2hn1wcB8VOCc8gsRuyIAA:OVwB8JQtmS9-37P6gsFmqvqKCLnfEvyA8NfwAR3tEug:3AU5tDHvrnhdR-rMp5QjuysNldSuVeSUZQTOArF8Hwk',
  ],
  ['no parts', [], '~'],
]

describe(`key schema ${KEY_SCHEMA_VERSION}`, () => {
  it.each(values)('digests %s', (_, value, expected) => {
    expect(digestOf(value)).toBe(expected)
  })

  it.each(keys)('forms the key %s', (_, parts, expected) => {
    const keyer = createKeyer<readonly unknown[]>({ namespace: 'golden', parts: (input) => input })
    expect(keyer.text(keyer.id(parts))).toBe(`hopstash:golden:v1:${expected}`)
  })

  it('forms ids, scopes, names, versions, labels and HMACs', () => {
    const keyer = createKeyer<unknown>({ prefix: 'jobs', namespace: 'golden', version: 2, secret: 'secret' })
    const ids = [
      keyer.id('short'),
      keyer.id('\u0001'),
      keyer.id(42),
      keyer.id(request),
      keyer.id('short', 'tenant'),
      keyer.named('evaluate').id('short'),
      keyer.named('evaluate').id(['a', 1], 'tenant'),
    ]
    expect(ids).toEqual([
      'short',
      '\u0001Rv097Rr6WjptUUJdgnyu8eEit5EGHFjHCmYHMIZNAk0',
      '\u0001~n42',
      '\u0001E-o7-qTCDHOU8Fu1Ul9kG7ODWasFOZXAFLN5bP47ICY',
      '\u0002~@tenant:\u0000short',
      '\u0002~fn.evaluate:\u0000short',
      '\u0001~@tenant:~fn.evaluate:WejHS64tgN96tzXtV0DhOxnbwPHY0OJHQTOD_L1dzXw',
    ])
    expect(ids.map(keyer.text)).toEqual([
      'jobs:golden:v1.2:i68nAXZHF8sWq2HNvhJ9GjIpltXOwFUde2ec2xhnxnM',
      'jobs:golden:v1.2:Rv097Rr6WjptUUJdgnyu8eEit5EGHFjHCmYHMIZNAk0',
      'jobs:golden:v1.2:~n42',
      'jobs:golden:v1.2:E-o7-qTCDHOU8Fu1Ul9kG7ODWasFOZXAFLN5bP47ICY',
      'jobs:golden:v1.2:~@tenant:i68nAXZHF8sWq2HNvhJ9GjIpltXOwFUde2ec2xhnxnM',
      'jobs:golden:v1.2:~fn.evaluate:i68nAXZHF8sWq2HNvhJ9GjIpltXOwFUde2ec2xhnxnM',
      'jobs:golden:v1.2:~@tenant:~fn.evaluate:WejHS64tgN96tzXtV0DhOxnbwPHY0OJHQTOD_L1dzXw',
    ])
    expect(keyer.label(ids[0]!)).toBe('B5q5ntrJyUSn3zEt')
  })
})
