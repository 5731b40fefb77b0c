import { diffKeys } from '../keys/diff-keys.js'
import { explainKey } from '../keys/explain.js'
import type { RecordedRequest } from '../stores/file-walk.js'
import type { Asked, NearestRequest, Requests } from './recording.js'

/** Places more than these are not named: it is another request altogether. */
const MOST_PATHS = 8

/** What a folder can tell of the requests it keeps; `scrub` is what they went through when they were written. */
export function createFolderRequests(
  recorded: (namespace: string) => AsyncIterable<RecordedRequest>,
  scrub: (text: string) => string,
): Requests {
  const text = ({ describe, input }: Asked): string => describe?.() ?? explainKey(input).canonical
  return {
    text,
    async nearest(namespace, asked) {
      // Its code is that of the store, which is loaded apart.
      const { requestOf } = await import('../stores/file-entry.js')
      const wanted = requestOf(scrub(text(asked)))
      let nearest: NearestRequest | undefined
      let least = Infinity
      for await (const { file, request } of recorded(namespace)) {
        const differences = diffKeys(request, wanted)
        if (differences.length >= least) continue
        least = differences.length
        nearest = { file, paths: differences.slice(0, MOST_PATHS).map(({ path }) => path) }
      }
      return nearest
    },
  }
}
