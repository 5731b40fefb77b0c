import { Buffer } from 'node:buffer'
import { hmac } from '@noble/hashes/hmac'
import { sha256 } from '@noble/hashes/sha2'

/** Stands in for `hash` of Node: keys are made synchronously, and a browser's own digests are not. */
export function hash(_algorithm: 'sha256', data: Uint8Array | string, encoding: 'base64url' | 'hex'): string {
  const digest = sha256(typeof data === 'string' ? Buffer.from(data, 'utf8') : data)
  return encoding === 'hex' ? Buffer.from(digest).toString('hex') : base64url(digest)
}

/** Stands in for `createHmac` of Node. */
export function createHmac(_algorithm: 'sha256', secret: string | Uint8Array): Hmac {
  const mac = hmac.create(sha256, typeof secret === 'string' ? Buffer.from(secret, 'utf8') : secret)
  const self: Hmac = {
    update(bytes) {
      mac.update(bytes)
      return self
    },
    digest: () => base64url(mac.digest()),
  }
  return self
}

interface Hmac {
  update(bytes: Uint8Array): Hmac
  digest(encoding: 'base64url'): string
}

function base64url(bytes: Uint8Array): string {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
  return text.replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '')
}
