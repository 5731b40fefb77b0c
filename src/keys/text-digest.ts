import { hash } from './crypto.js'

/** Half of a SHA-256 says as much, in half of the room. */
const HEX_LENGTH = 32

/** The first 16 bytes of the SHA-256 of a stored key's text, in hexadecimal: what entries repeat of their key. */
export function textDigest(text: string): string {
  return hash('sha256', text, 'hex').slice(0, HEX_LENGTH)
}
