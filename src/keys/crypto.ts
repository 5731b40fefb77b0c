import type * as NodeCrypto from 'node:crypto'
import { createRequire } from 'node:module'

/** What is loaded once for the whole process, as the module system itself would keep it. */
const loaded: { crypto: typeof NodeCrypto | undefined } = { crypto: undefined }

/** SHA-256 of some bytes, or of a text in UTF-8. */
export function hash(algorithm: 'sha256', data: Uint8Array | string, encoding: 'base64url' | 'hex'): string {
  return (loaded.crypto ?? load()).hash(algorithm, data, encoding)
}

/** A keyed SHA-256 that bytes are given to. */
export function createHmac(algorithm: 'sha256', secret: string | Uint8Array): NodeCrypto.Hmac {
  return (loaded.crypto ?? load()).createHmac(algorithm, secret)
}

/**
 * On the first digest and not before: it costs a fifth of importing the package, and whoever has short strings as keys
 * needs none. Not `import()`, because keys are made synchronously. For a module of Node the path is of no account.
 */
function load(): typeof NodeCrypto {
  loaded.crypto = createRequire('/')('node:crypto') as typeof NodeCrypto
  return loaded.crypto
}
