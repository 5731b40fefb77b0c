import { describe, expect, it } from 'vitest'
import { namespaceSettings, readSettings } from '../../../src/runtime/settings.js'

describe('readSettings', () => {
  it('has defaults for an empty environment', () => {
    expect(readSettings({})).toEqual({
      cacheUrl: undefined,
      cacheMode: undefined,
      namespaceVariables: {},
      batchMaxWorkers: 5,
      batchSize: 10,
      batchTimeoutMs: 30_000,
    })
  })

  it('takes what is set, and an empty text for unset', () => {
    const settings = readSettings({
      CACHE_URL: 'file:.cache',
      CACHE_MODE: 'replay',
      BATCH_MAX_WORKERS: '3',
      BATCH_SIZE: '',
      BATCH_TIMEOUT: '45',
    })
    expect(settings).toMatchObject({
      cacheUrl: 'file:.cache',
      cacheMode: 'replay',
      batchMaxWorkers: 3,
      batchSize: 10,
      batchTimeoutMs: 45_000,
    })
    expect(Object.isFrozen(settings) && Object.isFrozen(settings.namespaceVariables)).toBe(true)
  })

  it.each([
    ['CACHE_MODE', 'rerecord'],
    ['BATCH_MAX_WORKERS', '0'],
    ['BATCH_MAX_WORKERS', 'many'],
    ['BATCH_SIZE', '-1'],
    ['BATCH_SIZE', '2.5'],
    ['BATCH_TIMEOUT', 'soon'],
    ['BATCH_TIMEOUT', '-3'],
  ])('%s=%s is an error that names the variable', (name, value) => {
    expect(() => readSettings({ [name]: value })).toThrow(
      expect.objectContaining({ code: 'ERR_OPTION_INVALID', message: expect.stringContaining(name) }),
    )
  })
})

describe('namespaceSettings', () => {
  const settings = readSettings({
    CACHE_AI_RESPONSE_TTL: '15m',
    CACHE_AI_RESPONSE_SIZE: '7',
    CACHE_MY_OWN_2_TTL: 'never',
    CACHE_PDF_TTL: '1',
  })

  it.each([
    ['aiResponse', { max: 7, ttlMs: 900_000 }],
    ['my-own.2', { ttlMs: Infinity }],
    ['pdf', { ttlMs: 1000 }],
    ['template', {}],
  ])('finds what concerns %s', (name, expected) => {
    expect(namespaceSettings(name, settings)).toEqual(expected)
  })
})
