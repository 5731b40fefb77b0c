/**
 * Tags of the JSON body: `{"$date":"…"}`. A real property whose name begins with `$` has it doubled, so that no data can
 * look like a tag.
 */
export const JSON_TAG = {
  undefined: '$undefined',
  hole: '$hole',
  number: '$number',
  bigint: '$bigint',
  date: '$date',
  bytes: '$bytes',
  map: '$map',
  set: '$set',
  bare: '$bare',
  error: '$error',
  regexp: '$regexp',
  url: '$url',
} as const

/** Bigints with more hexadecimal digits are written so: to and from decimal takes time in the square of the length. */
export const DECIMAL_DIGITS = 256
