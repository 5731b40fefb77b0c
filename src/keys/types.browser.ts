/**
 * Stands in for `types` of `node:util`: each check reads an internal slot through a built-in getter, which throws on
 * every other object, a Proxy included, and works on objects of another realm (an iframe).
 */
export const types = Object.freeze({
  isDate: (value: unknown): boolean => has(() => Date.prototype.getTime.call(value)),
  isMap: (value: unknown): boolean => has(() => sizeOfMap.call(value)),
  isSet: (value: unknown): boolean => has(() => sizeOfSet.call(value)),
  isTypedArray: (value: unknown): boolean => typedArrayTag.call(value) !== undefined,
  // The getter answers `undefined`, and throws not, for RegExp.prototype itself.
  isRegExp: (value: unknown): boolean => has(() => globalFlag.call(value)) && value !== RegExp.prototype,
  isArrayBuffer: (value: unknown): boolean => has(() => bufferLength.call(value)),
  isDataView: (value: unknown): boolean => has(() => viewedBuffer.call(value)),
  isNativeError: (value: unknown): boolean => Object.prototype.toString.call(value) === '[object Error]',
})

const sizeOfMap = getter(Map.prototype, 'size')
const sizeOfSet = getter(Set.prototype, 'size')
const typedArrayTag = getter(Object.getPrototypeOf(Uint8Array.prototype), Symbol.toStringTag)
const globalFlag = getter(RegExp.prototype, 'global')
const bufferLength = getter(ArrayBuffer.prototype, 'byteLength')
const viewedBuffer = getter(DataView.prototype, 'buffer')

function getter(prototype: object, name: string | symbol): () => unknown {
  return Object.getOwnPropertyDescriptor(prototype, name)?.get as () => unknown
}

function has(readSlot: () => unknown): boolean {
  try {
    readSlot()
    return true
  } catch {
    return false
  }
}
