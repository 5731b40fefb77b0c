import { textDigest } from '../keys/text-digest.js'
import type { CacheMode } from '../runtime/settings.js'
import type { RecordedRequest } from '../stores/file-walk.js'
import type { Connect } from './build-stash.js'
import { type FolderOptions, resolveFolder } from './folder.js'
import { createFolderRequests } from './folder-requests.js'
import { createLateCodec, createLateStore } from './late-store.js'
import { storeInMode } from './mode-store.js'
import { SharedTier } from './shared-tier.js'
import type { NamespaceDefinitions, StashOptions } from './stash-options.js'
import type { ResolvedStoreOptions } from './store-options.js'

interface FolderUse {
  /** How errors call it. */
  readonly name: string
  readonly prefix: string
  readonly options: StashOptions<NamespaceDefinitions>
  readonly mode: CacheMode
  readonly use: ResolvedStoreOptions
}

/** How a stash reaches a folder. Text is kept as text there: JSON, not compressed unless that was asked for. */
export function folderConnector(source: string | FolderOptions, from: FolderUse): Connect {
  const { name, prefix, options, mode, use } = from
  const isPrivate = options.encryption !== undefined || options.secret !== undefined
  const { folder, maxBytes, expires, requests, scrub } = resolveFolder(source, name, isPrivate)
  return ({ clock, coherence }) => {
    const store = createLateStore(async () => {
      const { createFileStore } = await import('../stores/file.js')
      return createFileStore({
        folder,
        prefix,
        clock,
        expires,
        scrub,
        readOnly: mode === 'replay',
        digestIsHash: true,
        recheck: options.recheck ?? '250ms',
        ...(maxBytes !== undefined && { maxBytes }),
      })
    })
    const codec = createLateCodec(async () => {
      const { createEntryCodec } = await import('./entry-codec.js')
      return createEntryCodec({ ...use.codec, format: 'json', compress: use.codec.compress ?? false })
    })
    const problem = (): string | undefined => store.arrived?.problem
    return {
      tier: new SharedTier({
        store: storeInMode(store, mode),
        codec,
        clock,
        coherence,
        digestOf: textDigest,
        storeTimeoutMs: use.timeoutMs,
        maxDisconnectedMs: use.maxDisconnectedMs,
      }),
      timeless: !expires,
      problem,
      ...(requests && { requests: createFolderRequests((namespace) => recordedIn(store.arrival, namespace), scrub) }),
      ready: () =>
        store.ping().then(
          () => true,
          () => false,
        ),
      health: () => ({ kind: 'folder', folder, problem: problem() }),
    }
  }
}

async function* recordedIn(
  arrival: Promise<{ requests(namespace: string): AsyncIterable<RecordedRequest> }>,
  namespace: string,
): AsyncGenerator<RecordedRequest> {
  yield* (await arrival).requests(namespace)
}
