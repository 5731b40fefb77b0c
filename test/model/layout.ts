/**
 * The state of the model is one array of bytes; what the steps read and write are named views of it. Copying, comparing
 * and hashing a state is then copying, comparing and hashing bytes, and no state is ever built out of objects.
 */

/** What a number means, for `canonical.ts`: numbers of one kind are only compared with each other. */
type Kind = 'plain' | 'version' | 'token' | 'entryId' | 'epoch'

type Fields = Readonly<Record<string, Kind>>

/** A named group of bytes. Every field is one byte, `0` where nothing is known. */
export interface RecordType<Name extends string> {
  readonly kinds: readonly Kind[]
  readonly view: (bytes: Uint8Array, at: number) => View<Name>
}

export type View<Name extends string> = { [field in Name]: number } & { readonly at: number; readonly size: number }

export function defineRecord<const F extends Fields>(fields: F): RecordType<Extract<keyof F, string>> {
  const names = Object.keys(fields)
  class Cells {
    readonly bytes: Uint8Array
    readonly at: number
    readonly size = names.length
    constructor(bytes: Uint8Array, at: number) {
      this.bytes = bytes
      this.at = at
    }
  }
  names.forEach((name, index) => {
    Object.defineProperty(Cells.prototype, name, {
      get(this: Cells) {
        return this.bytes[this.at + index]
      },
      set(this: Cells, value: number) {
        this.bytes[this.at + index] = value
      },
    })
  })
  return {
    kinds: Object.values(fields),
    view: (bytes, at) => new Cells(bytes, at) as unknown as View<Extract<keyof F, string>>,
  }
}

/** Hands out places in the array, in order, and remembers where numbers of which kind stand. */
export function createLayout(capacity = 1_024) {
  const scratch = new Uint8Array(capacity)
  let size = 0
  const versions: number[] = []
  const tokens: number[] = []
  const entryIds: number[] = []
  const epochs: number[][] = []
  return {
    place<Name extends string>(type: RecordType<Name>, epochGroup = 0): View<Name> {
      const at = size
      type.kinds.forEach((kind, index) => {
        if (kind === 'version') versions.push(at + index)
        if (kind === 'token') tokens.push(at + index)
        if (kind === 'entryId') entryIds.push(at + index)
        if (kind === 'epoch') {
          epochs[epochGroup] ??= []
          epochs[epochGroup].push(at + index)
        }
      })
      size += type.kinds.length
      return type.view(scratch, at)
    },
    /** The array itself, once everything has its place: a whole number of 32-bit words, so that it hashes fast. */
    bytes: () => scratch,
    size: () => Math.ceil(size / 4) * 4,
    positions: { versions, tokens, entryIds, epochs },
  }
}
