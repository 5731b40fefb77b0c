import { type CodecOptions, resolveCodecOptions } from '../codec/codec-options.js'
import { optionInvalid } from '../errors/option-error.js'
import { type Duration, parseDuration } from '../runtime/duration.js'
import type { OnStoreRestart } from '../stores/redis-server.js'

/** How a stash uses its shared store. Without one they are checked, and of no consequence. */
export interface StoreOptions {
  /**
   * Budget of one operation of the shared store over all its round trips, 1 ms to 60 s. Values over 1 MiB get 100 ms more
   * for each further MiB. @defaultValue `'250ms'`
   */
  readonly storeTimeout?: Duration | undefined
  /**
   * What is done when Redis was restarted or failed over, and may have lost what it acknowledged in its last moments.
   * `'replay'`: every process tells it its own invalidations of the last 10 minutes again. `'distrust'`: everything
   * stored is void. `'trust'`: nothing. @defaultValue `'replay'`
   */
  readonly onStoreRestart?: OnStoreRestart | undefined
  /**
   * How long memory serves what it held before the store went away; `0` for not at all. What is loaded meanwhile lives as
   * long as it would otherwise. @defaultValue `'5m'`
   */
  readonly maxDisconnected?: Duration | undefined
  /**
   * With a Keyv adapter: how long memory is served before it is compared with the store; `0` compares at every read. Redis
   * tells of changes itself. @defaultValue `'5s'`
   */
  readonly recheck?: Duration | undefined
  /** How structured values are stored; whatever is set here, entries of both forms are read. @defaultValue `'msgpack'` */
  readonly codec?: 'msgpack' | 'json' | undefined
  /**
   * Brotli for structured values of at least `thresholdBytes` (64 KiB) at `level` (0 to 11, default 1); `false` for never.
   * Raw bytes are never compressed.
   */
  readonly compress?: CodecOptions['compress'] | undefined
  /**
   * AES-256-GCM with keys of 32 bytes: the first encrypts, all decrypt, so put a new one in front to rotate. What is not
   * encrypted is then not accepted. @defaultValue off
   */
  readonly encryption?: CodecOptions['encryption'] | undefined
}

/** {@link StoreOptions}, complete but for what the store or codec has a default for. */
export interface ResolvedStoreOptions {
  readonly timeoutMs: number
  readonly onStoreRestart: OnStoreRestart
  readonly maxDisconnectedMs: number
  readonly recheckMs: number
  readonly codec: CodecOptions
  /** Whether connections are shared in the process: who has a clock of its own has timers, and so connections, of its own. */
  readonly isShared: boolean
}

/** Their names. */
export const STORE_OPTION_NAMES = [
  'storeTimeout',
  'onStoreRestart',
  'maxDisconnected',
  'recheck',
  'codec',
  'compress',
  'encryption',
] as const

const RESTART_POLICIES: readonly OnStoreRestart[] = ['replay', 'distrust', 'trust']
const LONGEST_TIMEOUT_MS = 60_000

/** Pure: complete, checked options. @throws {OptionError} `ERR_OPTION_INVALID`; no key is ever in it */
export function resolveStoreOptions(options: StoreOptions & { readonly clock?: unknown }): ResolvedStoreOptions {
  const {
    storeTimeout = 250,
    onStoreRestart = 'replay',
    maxDisconnected = '5m',
    recheck = '5s',
    codec,
    compress,
    encryption,
  } = options
  const timeoutMs = parseDuration(storeTimeout, 'storeTimeout')
  if (timeoutMs < 1 || timeoutMs > LONGEST_TIMEOUT_MS) {
    throw optionInvalid('storeTimeout', 'a duration from 1 ms to 60 s', storeTimeout)
  }
  if (!RESTART_POLICIES.includes(onStoreRestart)) {
    throw optionInvalid('onStoreRestart', `one of ${RESTART_POLICIES.join(', ')}`, onStoreRestart)
  }
  if (codec !== undefined && codec !== 'msgpack' && codec !== 'json') {
    throw optionInvalid('codec', "'msgpack' or 'json'", codec)
  }
  const codecOptions: CodecOptions = { format: codec, compress, encryption }
  resolveCodecOptions(codecOptions, '')
  return {
    timeoutMs,
    onStoreRestart,
    maxDisconnectedMs: parseDuration(maxDisconnected, 'maxDisconnected'),
    recheckMs: parseDuration(recheck, 'recheck'),
    codec: codecOptions,
    isShared: options.clock === undefined,
  }
}
