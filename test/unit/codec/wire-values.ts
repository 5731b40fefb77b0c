import type { CodecOptions } from '../../../src/codec/codec-options.js'
import { nested } from './value-matrix.js'

/** What `test/fixtures/wire/v1/<name>.bin` holds. A version gets a folder of its own; files of a release never change. */
export const WIRE_V1: Readonly<Record<string, { readonly value: unknown; readonly options: CodecOptions }>> = {
  scalars: { value: scalars(), options: { compress: false } },
  texts: {
    value: ['', 'ascii', 'x'.repeat(300), 'Größe', 'a — b', '日本語', '\ud800', '😀'],
    options: { compress: false },
  },
  types: { value: types(), options: { compress: false } },
  nested: { value: nested(20), options: { compress: false } },
  buffer: { value: Buffer.from([0, 1, 254, 255]), options: {} },
  vector: { value: Float32Array.of(0.5, -0, 1e9), options: {} },
  json: { value: types(), options: { format: 'json', compress: false } },
  compressed: {
    value: { answer: 'the same words again '.repeat(500) },
    options: { compress: { thresholdBytes: 100 } },
  },
  large: { value: Buffer.alloc(64 * 1024, 'a large body '), options: {} },
  largeEncrypted: {
    value: Buffer.alloc(64 * 1024, 'a large body '),
    options: { encryption: { keys: [wireKey('v1-key')] } },
  },
  encrypted: { value: { answer: 42, at: new Date(1) }, options: { encryption: { keys: [wireKey('v1-key')] } } },
}

/** A key that protects nothing: everybody can read it here. */
function wireKey(id: string) {
  return { id, key: Buffer.alloc(32, 7) }
}

function scalars(): unknown[] {
  const numbers = [
    0,
    -0,
    1,
    127,
    128,
    255,
    256,
    65535,
    65536,
    -1,
    -32,
    -33,
    2 ** 31,
    2 ** 53 - 1,
    0.1,
    Number.NaN,
    -Infinity,
  ]
  return [null, undefined, true, false, ...numbers, 0n, -1n, 2n ** 70n]
}

function types(): unknown {
  const error = new TypeError('broken', { cause: 'x' })
  error.stack = 'TypeError: broken'
  return {
    date: new Date(1_700_000_000_123),
    noDate: new Date(Number.NaN),
    map: new Map<unknown, unknown>([
      ['a', 1],
      [{ b: 2 }, [3]],
    ]),
    set: new Set<unknown>([1, 'a', null]),
    bare: Object.assign(Object.create(null), { a: 1 }),
    // biome-ignore lint/suspicious/noSparseArray: a hole is what is kept
    holes: [1, , undefined],
    error: Object.assign(error, { code: 'E_X' }),
    regexp: /a\/b/gi,
    url: new URL('https://example.com/a?b=c'),
    bytes: [Buffer.from('hi'), Uint8Array.of(1), Uint8Array.of(2).buffer, new DataView(Uint8Array.of(3).buffer)],
    arrays: [Int16Array.of(-2), Float64Array.of(0.1), BigUint64Array.of(2n ** 63n), Uint8ClampedArray.of(9)],
    $odd: { $date: 1, __proto__x: 2 },
  }
}
