import { requireObject } from '../cache/argument-checks.js'
import { buildStash, connectionOf } from '../cache/build-stash.js'
import { SharedTier } from '../cache/shared-tier.js'
import type { Stash } from '../cache/stash.js'
import { checkStashOptions, type NamespaceDefinitions, type StashOptions } from '../cache/stash-options.js'
import type { BodyCodec } from '../cache/state.js'
import { createCodec } from '../codec/codec.js'
import { ID_LENGTH, KEY_DIGEST_BYTES } from '../codec/entry-header.js'
import { type Duration, parseDuration } from '../runtime/duration.js'
import { readSettings } from '../runtime/settings.js'
import type { SharedStore } from '../stores/shared-store.js'
import { checkStore } from './check-store.js'

/** Options of {@link createTestStash}: those of a stash, but that its store is the given one. */
export interface TestStashOptions<Definitions extends NamespaceDefinitions>
  extends Omit<StashOptions<Definitions>, 'store'> {
  /** One process's connection; a second stash over another connection is a second process. */
  readonly store: SharedStore
  readonly namespaces: Definitions
  /** Budget of one operation of the store. @defaultValue `'250ms'` */
  readonly storeTimeout?: Duration
  /** How long memory is served in an outage. @defaultValue `'5m'` */
  readonly maxDisconnected?: Duration
}

/**
 * Makes a stash over any shared store, a simulated or faulty one for instance, that reads no environment.
 *
 * @throws {OptionError} `ERR_OPTION_INVALID` for a bad option or name.
 * @example
 * import { namespace } from 'hopstash'
 * import { createSimulatedStore, createTestStash } from 'hopstash/testing'
 * const store = createSimulatedStore()
 * const namespaces = { letters: namespace<string, string>({ ttl: '1h' }) }
 * const one = createTestStash({ store: store.connect(), namespaces })
 * const two = createTestStash({ store: store.connect(), namespaces })
 * await one.letters.set('a', 'Dear …')
 * await two.letters.get('a') // => 'Dear …'
 * await Promise.all([one.close(), two.close()])
 */
export function createTestStash<Definitions extends NamespaceDefinitions>(
  options: TestStashOptions<Definitions>,
): Stash<Definitions> {
  requireObject(options, 'options')
  const { store, storeTimeout, maxDisconnected, ...others } = options
  checkStashOptions(others)
  checkStore(store)
  const stash = buildStash(others, readSettings({}), (site) => {
    const tier = new SharedTier({
      ...site,
      store,
      codec: wholeCodec(),
      ...(storeTimeout !== undefined && { storeTimeoutMs: parseDuration(storeTimeout, 'storeTimeout') }),
      ...(maxDisconnected !== undefined && { maxDisconnectedMs: parseDuration(maxDisconnected, 'maxDisconnected') }),
    })
    return connectionOf(tier)
  })
  return stash as unknown as Stash<Definitions>
}

/**
 * The real codec, so that corrupt bytes are found as they are in production. Header and body travel as one body: a
 * simulated store stamps what stands beside it, so the stamp inside is empty.
 */
function wholeCodec(): BodyCodec {
  const codec = createCodec()
  const digest = new Uint8Array(KEY_DIGEST_BYTES)
  return {
    async encode(value) {
      const encoded = await codec.encode(value, digest, BLANK)
      if ('refused' in encoded) return { refused: encoded.refused === 'size' ? 'size' : 'type' }
      const bytes = new Uint8Array(encoded.header.length + encoded.body.length)
      bytes.set(encoded.header)
      bytes.set(encoded.body, encoded.header.length)
      return bytes
    },
    decode: (body) => codec.decode(body, digest),
  }
}

const BLANK = {
  id: '-'.repeat(ID_LENGTH),
  inc: '',
  startSeq: 0,
  storedAtMs: 0,
  freshUntilMs: 0,
  staleForMs: 0,
  errorForMs: 0,
  loadMs: 0,
  tags: [],
}
