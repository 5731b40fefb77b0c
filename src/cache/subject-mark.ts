import { subjectUnsupported } from '../errors/key-error.js'
import { digestOf } from '../keys/digest.js'
import { subjectTag } from '../stores/subject.js'
import type { SubjectMark } from './state.js'

const MAX_SUBJECT = 1024

/** A subject as it is kept and told: its digest, under the stash's secret. @throws {KeyError} `ERR_KEY_UNSUPPORTED` */
export function subjectMark(subject: unknown, secret: string | Uint8Array | undefined): SubjectMark {
  if (typeof subject !== 'string')
    throw subjectUnsupported(subject === null ? 'null' : `a value of type ${typeof subject}`)
  if (subject === '' || subject.length > MAX_SUBJECT) throw subjectUnsupported(`${subject.length}`)
  // A list, so that it is never the digest of a key that is the same text.
  const digest = digestOf(['subject', subject], { secret })
  return { digest, tag: subjectTag(digest) }
}
