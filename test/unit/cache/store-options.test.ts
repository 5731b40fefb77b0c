import { describe, expect, it } from 'vitest'
import { resolveStoreOptions } from '../../../src/cache/store-options.js'
import { createStash } from '../../../src/index.js'

const KEY = new Uint8Array(32).fill(7)

describe('options of the shared store', () => {
  it('have the documented defaults', () => {
    expect(resolveStoreOptions({})).toEqual({
      timeoutMs: 250,
      onStoreRestart: 'replay',
      maxDisconnectedMs: 300_000,
      recheckMs: 5000,
      codec: { format: undefined, compress: undefined, encryption: undefined },
      isShared: true,
    })
  })

  it('are durations as everywhere, and handed on as they are', () => {
    const encryption = { keys: [{ id: 'new', key: KEY }] }
    const options = {
      storeTimeout: '1s',
      maxDisconnected: 0,
      recheck: 0,
      codec: 'json',
      compress: false,
      encryption,
    } as const
    expect(resolveStoreOptions({ ...options, onStoreRestart: 'trust' })).toEqual({
      timeoutMs: 1000,
      onStoreRestart: 'trust',
      maxDisconnectedMs: 0,
      recheckMs: 0,
      codec: { format: 'json', compress: false, encryption },
      isShared: true,
    })
  })

  it.each([
    ['storeTimeout', '5 parsecs'],
    ['storeTimeout', 0],
    ['storeTimeout', '2m'],
    ['onStoreRestart', 'replays'],
    ['maxDisconnected', -1],
    ['recheck', 'often'],
    ['codec', 'xml'],
    ['compress', true],
    ['compress.thresholdBytes', { thresholdBytes: 0.5 }],
    ['compress.level', { level: 12 }],
    ['encryption', 'secret'],
    ['encryption.keys', { keys: [] }],
    ['encryption.keys[0].key', { keys: [{ id: 'a', key: 'a secret of text' }] }],
    ['encryption.keys[0].id', { keys: [{ key: new Uint8Array(32) }] }],
    [
      'encryption.keys[1].id',
      {
        keys: [
          { id: 'a', key: KEY },
          { id: 'a', key: KEY },
        ],
      },
    ],
  ])('refuse %s: %j, by its name, without what is secret, whether there is a store or not', (name, value) => {
    const option = name.split('.')[0] as string
    let error: Error | undefined
    try {
      createStash({ [option]: value })
    } catch (caught) {
      error = caught as Error
    }
    expect(error).toMatchObject({ code: 'ERR_OPTION_INVALID' })
    expect(error?.message).toContain(`\`${name}\``)
    expect(error?.message).not.toContain('a secret of text')
  })

  it('name the store by a URL as a text or as an object, and show neither', () => {
    for (const url of ['redis://ada:secret@host/jobs', 'file://host/folder', 'http://ada:secret@host/'])
      for (const store of [url, new URL(url)]) {
        let error: Error | undefined
        try {
          createStash({ store })
        } catch (caught) {
          error = caught as Error
        }
        expect(error).toMatchObject({ code: 'ERR_OPTION_INVALID' })
        expect(error?.message).not.toContain('secret')
        expect(error?.message).not.toContain('socket')
      }
    expect(() => createStash({ store: new URL('redis://host/jobs') })).toThrow(/the number of a database/)
  })

  it('are known by name: a typo is an error that says the right one', () => {
    expect(() => createStash({ storeTimeOut: 1 } as never)).toThrow(/Did you mean `storeTimeout`/)
    expect(() => createStash({ onStoreRestarts: 'trust' } as never)).toThrow(/Did you mean `onStoreRestart`/)
  })
})
