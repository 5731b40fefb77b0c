import { expect, it } from 'vitest'
import { stateOf } from '../../../src/cache/namespace-state.js'
import { namespace } from '../../../src/cache/presets.js'
import { createStash } from '../../../src/cache/stash.js'
import { textDigest } from '../../../src/keys/text-digest.js'
import type { KeyRef } from '../../../src/stores/shared-store.js'

async function refWith(secret?: string): Promise<KeyRef & { readonly label: string }> {
  const stash = createStash({
    store: 'redis://127.0.0.1:1',
    namespaces: { things: namespace<string, string>() },
    ...(secret !== undefined && { secret }),
  })
  const state = stateOf(stash.things)
  const ref = state.shared?.refOf(state, 'k') as KeyRef
  await stash.close()
  return { ...ref, label: state.keyer.label('k') }
}

it('calls a key in Redis by the digest that its entry repeats: one hash for both', async () => {
  const { key, digest } = await refWith()
  expect(digest).toBe(textDigest(key))
})

it('calls it by an HMAC where there is a secret: nobody who listens can test what was asked', async () => {
  const { key, digest, label } = await refWith('a secret of 16 characters')
  expect(digest).toBe(label)
  expect(digest).not.toBe(textDigest(key).slice(0, digest.length))
})
