import { generateKeyPairSync, sign } from 'node:crypto'

/** A key and a certificate for it that nobody vouches for, in PEM. */
export interface SelfSigned {
  readonly key: string
  readonly cert: string
}

/** Makes a certificate for `localhost`, signed by its own key: nothing that looks like a secret has to be in a repository. */
export function selfSigned(): SelfSigned {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  // X.509 version 1: what is sworn to, by which method, and the signature.
  const method = der(0x30, ECDSA_WITH_SHA256)
  const name = der(0x30, der(0x31, der(0x30, COMMON_NAME, der(0x0c, Buffer.from('localhost')))))
  const validity = der(0x30, der(0x17, Buffer.from('200101000000Z')), der(0x17, Buffer.from('491231235959Z')))
  const subject = publicKey.export({ type: 'spki', format: 'der' })
  const sworn = der(0x30, der(0x02, Buffer.from([1])), method, name, validity, name, subject)
  const signature = der(0x03, Buffer.from([0]), sign('sha256', sworn, privateKey))
  const lines = der(0x30, sworn, method, signature)
    .toString('base64')
    .replace(/.{1,64}/g, '$&\n')
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    cert: `-----BEGIN CERTIFICATE-----\n${lines}-----END CERTIFICATE-----\n`,
  }
}

// Object identifiers: 1.2.840.10045.4.3.2 and 2.5.4.3.
const ECDSA_WITH_SHA256 = Buffer.from('06082a8648ce3d040302', 'hex')
const COMMON_NAME = Buffer.from('0603550403', 'hex')

/** A tag, a length, and what is in it. */
function der(tag: number, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts)
  const length =
    body.length < 0x80
      ? [body.length]
      : body.length < 0x100
        ? [0x81, body.length]
        : [0x82, body.length >> 8, body.length & 0xff]
  return Buffer.concat([Buffer.from([tag, ...length]), body])
}
