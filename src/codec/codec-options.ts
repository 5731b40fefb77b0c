import { optionInvalid, optionUnknown } from '../errors/option-error.js'
import type { Limits } from './budget.js'
import type { EncryptionKey } from './encrypt.js'

/** How values become bytes. Whatever is set here, entries of every form are read. */
export interface CodecOptions {
  /** Form of structured values: MessagePack, or JSON text for people who read their store by eye. @defaultValue `'msgpack'` */
  readonly format?: 'msgpack' | 'json' | undefined
  /**
   * Brotli for structured values of at least `thresholdBytes` (default 64 KiB) at `level` (0 to 11, default 1). Raw bytes
   * are never compressed: images, documents and vectors would not get smaller.
   */
  readonly compress?: { readonly thresholdBytes?: number; readonly level?: number } | false | undefined
  /**
   * AES-256-GCM: the first key encrypts, all decrypt. What is not encrypted is then not accepted, so that nobody can put
   * plain entries in the place of encrypted ones. @defaultValue off
   */
  readonly encryption?: { readonly keys: readonly EncryptionKey[] } | undefined
  /** Largest value, before and after compression. @defaultValue 32 MiB */
  readonly maxBytes?: number | undefined
  /** Deepest nesting, at most 1,000. @defaultValue `512` */
  readonly maxDepth?: number | undefined
}

/** `CodecOptions`, complete. */
export interface ResolvedCodecOptions extends Limits {
  readonly format: 'msgpack' | 'json'
  /** Infinity: never. */
  readonly thresholdBytes: number
  readonly level: number
  readonly keys: readonly EncryptionKey[]
}

const MIB = 1024 * 1024
const DEFAULT_MAX_BYTES = 32 * MIB
const DEFAULT_THRESHOLD_BYTES = 64 * 1024
const DEFAULT_LEVEL = 1
const KEY_BYTES = 32

/**
 * Pure: complete, checked options.
 *
 * @param at What names of options begin with in messages.
 * @throws OptionError `ERR_OPTION_INVALID`
 */
export function resolveCodecOptions(options: CodecOptions = {}, at = 'codec.'): ResolvedCodecOptions {
  refuseUnknown('codec', options, ['format', 'compress', 'encryption', 'maxBytes', 'maxDepth'])
  const { format = 'msgpack', compress = {}, maxBytes = DEFAULT_MAX_BYTES, maxDepth = 512 } = options
  if (format !== 'msgpack' && format !== 'json') {
    throw optionInvalid(`${at}format`, "'msgpack' or 'json'", format)
  }
  return Object.freeze({
    format,
    maxBytes: whole(`${at}maxBytes`, maxBytes, 1, 1024 * MIB),
    maxDepth: whole(`${at}maxDepth`, maxDepth, 1, 1000),
    ...resolveCompress(compress, `${at}compress`),
    keys: resolveKeys(options.encryption, `${at}encryption`),
  })
}

function resolveCompress(compress: Exclude<CodecOptions['compress'], undefined>, at: string) {
  if (compress === false) return { thresholdBytes: Infinity, level: DEFAULT_LEVEL }
  if (typeof compress !== 'object' || compress === null) {
    throw optionInvalid(at, 'false or an object with `thresholdBytes` and `level`', compress)
  }
  refuseUnknown(at, compress, ['thresholdBytes', 'level'])
  const { thresholdBytes = DEFAULT_THRESHOLD_BYTES, level = DEFAULT_LEVEL } = compress
  return {
    thresholdBytes: whole(`${at}.thresholdBytes`, thresholdBytes, 1, Number.MAX_SAFE_INTEGER),
    level: whole(`${at}.level`, level, 0, 11),
  }
}

function resolveKeys(encryption: CodecOptions['encryption'], at: string): readonly EncryptionKey[] {
  if (encryption === undefined) return []
  if (typeof encryption !== 'object' || encryption === null || !Array.isArray(encryption.keys)) {
    throw optionInvalid(at, 'an object with a list of `keys`', encryption)
  }
  refuseUnknown(at, encryption, ['keys'])
  const keys: readonly EncryptionKey[] = encryption.keys
  if (keys.length === 0) throw optionInvalid(`${at}.keys`, 'at least one key', keys)
  keys.forEach((entry, index) => {
    const option = `${at}.keys[${index}]`
    if (typeof entry?.id !== 'string' || !/^[\x21-\x7e]{1,32}$/.test(entry.id)) {
      throw optionInvalid(`${option}.id`, '1 to 32 printable ASCII characters', entry?.id)
    }
    if (!(entry.key instanceof Uint8Array) || entry.key.length !== KEY_BYTES) {
      // Never a preview: a key handed over as text would be in the message.
      throw optionInvalid(`${option}.key`, `${KEY_BYTES} bytes`, kindOfKey(entry.key))
    }
    if (keys.findIndex(({ id }) => id === entry.id) !== index) {
      throw optionInvalid(`${option}.id`, 'another id than those before it', entry.id)
    }
  })
  return keys.map(({ id, key }) => Object.freeze({ id, key: Uint8Array.from(key) }))
}

function kindOfKey(key: unknown): unknown {
  return key instanceof Uint8Array ? key : typeof key
}

function whole(option: string, value: number, least: number, most: number): number {
  if (Number.isSafeInteger(value) && value >= least && value <= most) return value
  throw optionInvalid(option, `a whole number from ${least} to ${most}`, value)
}

function refuseUnknown(where: string, options: object, known: readonly string[]): void {
  for (const name of Object.keys(options)) if (!known.includes(name)) throw optionUnknown(where, name, known)
}
