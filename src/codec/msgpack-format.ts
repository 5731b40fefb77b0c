/**
 * Extension types of the MessagePack body, by their number in stored entries: append only. Everything else is plain
 * MessagePack, so that any tool that knows it can show an entry.
 */
export const EXTENSION = {
  undefined: 0,
  /** A place of an array without an element. */
  hole: 1,
  /** Text as UTF-16, little-endian: lone surrogates survive, and text that is mostly not Latin is shorter. */
  utf16: 2,
  /** Text as Latin-1: as short as it gets for `é`, and many times faster to read than UTF-8. */
  latin1: 3,
  bigint: 4,
  date: 5,
  bytes: 6,
  map: 7,
  set: 8,
  /** An object without a prototype. */
  bare: 9,
  error: 10,
  regexp: 11,
  url: 12,
} as const
