import type * as NodeCrypto from 'node:crypto'
import { createRequire } from 'node:module'

/** What is loaded once for the whole process, as the module system itself would keep it. */
const loaded: { crypto: typeof NodeCrypto | undefined } = { crypto: undefined }

/** SHA-256 of some bytes as base64url. */
export function hash(algorithm: 'sha256', bytes: Uint8Array, encoding: 'base64url'): string {
  return (loaded.crypto ?? load()).hash(algorithm, bytes, encoding)
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
