/** Kinds of bytes, by their number in stored entries: append only. */
export const BYTE_KINDS = [
  'Buffer',
  'Uint8Array',
  'ArrayBuffer',
  'DataView',
  'Int8Array',
  'Uint8ClampedArray',
  'Int16Array',
  'Uint16Array',
  'Int32Array',
  'Uint32Array',
  'Float32Array',
  'Float64Array',
  'BigInt64Array',
  'BigUint64Array',
] as const
