import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import type { Seal } from './entry-header.js'

/** A key of AES-256-GCM. */
export interface EncryptionKey {
  /** 1 to 32 printable ASCII characters; stored with every entry, in the clear. */
  readonly id: string
  /** 32 bytes. */
  readonly key: Uint8Array
}

/** Encrypts with one key, decrypts with any it knows. */
export interface Sealer {
  /** What the next entry names before it is encrypted. */
  next(): { readonly keyId: string; readonly nonce: Uint8Array }
  encrypt(content: Uint8Array, nonce: Uint8Array, authenticated: Uint8Array): { body: Buffer; tag: Buffer }
  /** `undefined`: not encrypted with a key known here, or not these bytes. */
  decrypt(body: Uint8Array, seal: Seal, authenticated: Uint8Array): Buffer | undefined
}

const ALGORITHM = 'aes-256-gcm'
const NONCE_BYTES = 12
const TAG_BYTES = 16

/** Returns a sealer over these keys: the first one encrypts. */
export function createSealer(keys: readonly [EncryptionKey, ...EncryptionKey[]]): Sealer {
  const byId = new Map(keys.map(({ id, key }) => [id, Buffer.from(key)]))
  const [{ id: currentId }] = keys
  const current = byId.get(currentId) as Buffer
  return {
    next: () => ({ keyId: currentId, nonce: randomBytes(NONCE_BYTES) }),
    encrypt(content, nonce, authenticated) {
      const cipher = createCipheriv(ALGORITHM, current, nonce, { authTagLength: TAG_BYTES })
      cipher.setAAD(authenticated)
      const body = cipher.update(content)
      cipher.final()
      return { body, tag: cipher.getAuthTag() }
    },
    decrypt(body, seal, authenticated) {
      const key = byId.get(seal.keyId)
      if (key === undefined) return undefined
      const decipher = createDecipheriv(ALGORITHM, key, seal.nonce, { authTagLength: TAG_BYTES })
      decipher.setAAD(authenticated)
      decipher.setAuthTag(seal.tag)
      const content = decipher.update(body)
      try {
        decipher.final()
        return content
      } catch {
        return undefined
      }
    },
  }
}
