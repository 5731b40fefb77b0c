import { brotliCompress, brotliCompressSync, brotliDecompress, brotliDecompressSync, constants } from 'node:zlib'

/** Contents from this size on are compressed and inflated on the thread pool: on the loop they would take milliseconds. */
const ASYNC_BYTES = 64 * 1024

// A window as large as needed: the default one takes megabytes of working memory for an entry of kilobytes.
const WINDOW = { smallest: 16, largest: 22 }

/** Compresses; a promise from {@link ASYNC_BYTES} on. */
export function compress(bytes: Uint8Array, level: number): Buffer | Promise<Buffer> {
  const options = {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: level,
      [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
      [constants.BROTLI_PARAM_LGWIN]: windowFor(bytes.length),
    },
  }
  if (bytes.length < ASYNC_BYTES) return brotliCompressSync(bytes, options)
  return new Promise((resolve, reject) => {
    brotliCompress(bytes, options, (error, result) => (error === null ? resolve(result) : reject(error)))
  })
}

/**
 * Inflates to exactly `length` bytes: not one more is produced. A promise from {@link ASYNC_BYTES} on; throws or rejects
 * for whatever is no such stream.
 */
export function inflate(bytes: Uint8Array, length: number): Buffer | Promise<Buffer> {
  const options = { maxOutputLength: length }
  if (length < ASYNC_BYTES) return exactly(brotliDecompressSync(bytes, options), length)
  return new Promise((resolve, reject) => {
    brotliDecompress(bytes, options, (error, result) => {
      if (error !== null) reject(error)
      else if (result.length !== length) reject(wrongLength())
      else resolve(result)
    })
  })
}

function exactly(result: Buffer, length: number): Buffer {
  if (result.length !== length) throw wrongLength()
  return result
}

function wrongLength(): Error {
  return new RangeError('the content has another length than its header says')
}

function windowFor(length: number): number {
  return Math.min(WINDOW.largest, Math.max(WINDOW.smallest, Math.ceil(Math.log2(length + 16))))
}
