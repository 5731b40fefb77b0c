import { isObject, objectOr, textOr } from './json-value.js'
import { isFailure, rejected, type WireFormat } from './wire-format.js'

/** Any other JSON request a host opted in: nothing is known of its answers but whether they are whole. */
export const anyJson: WireFormat = {
  name: 'json',
  recognises: () => true,
  judgeJson(body) {
    if (body === undefined) return rejected('malformed')
    if (isEmpty(body)) return rejected('empty')
    if (isObject(body) && isFailure(body)) return rejected('error')
    return { unstorable: undefined, model: modelOf(body), usage: undefined }
  },
  // Without a format only this end is known to be one.
  judgeEvents({ chunks, others, isError, isDone }) {
    if (isError) return rejected('error')
    if (!isDone) return rejected('cut')
    return { unstorable: chunks.length + others > 0 ? undefined : 'empty', model: undefined, usage: undefined }
  },
}

function isEmpty(body: unknown): boolean {
  return body === null || body === '' || (typeof body === 'object' && Object.keys(body).length === 0)
}

function modelOf(body: unknown): string | undefined {
  return textOr(objectOr(body).model)
}
