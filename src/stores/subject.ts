/**
 * Whose data an entry is, as it travels: a tag that no caller can give, made of a digest of the subject.
 *
 * As a tag it is fenced, announced and replayed like any other invalidation: a load in flight anywhere that began before
 * the erasure is refused by its marker. What erasure needs beyond that is the removal of bytes.
 */
const SUBJECT_PREFIX = '\u0001subject/'

/** The tag of a subject, made of its digest. */
export function subjectTag(digest: string): string {
  return SUBJECT_PREFIX + digest
}

/** Whether a tag names a subject. Such tags are shown to nobody. */
export function isSubjectTag(tag: string): boolean {
  return tag.charCodeAt(0) === 1 && tag.startsWith(SUBJECT_PREFIX)
}

/** The digest of the subject among an entry's tags; `undefined` if it has none. */
export function subjectIn(tags: readonly string[]): string | undefined {
  for (const tag of tags) if (isSubjectTag(tag)) return tag.slice(SUBJECT_PREFIX.length)
  return undefined
}
