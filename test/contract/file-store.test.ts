import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'vitest'
import { createFileStore } from '../../src/stores/file.js'
import type { ContractStore } from '../../src/testing/contract-trial.js'
import { sharedStoreContract } from '../../src/testing/store-contract.js'

describe('the public contract of a shared store, in a folder', () => {
  it.each(sharedStoreContract({ create: open, cannot: ['evict', 'bus'] }))('$name', ({ run }) => run())
})

function open(): ContractStore {
  const folder = mkdtempSync(join(tmpdir(), 'hopstash-'))
  const connect = () => createFileStore({ folder, expires: true, recheck: 20 })
  const [one, two] = [connect(), connect()]
  return {
    one,
    two,
    wait: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    async empty() {
      rmSync(folder, { recursive: true })
    },
    async close() {
      await Promise.all([one.close(), two.close()])
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
