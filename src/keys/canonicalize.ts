import { keyForm } from './key-form.js'
import { describeKind, formatPath, KeyRefusal, type PathSegment, publicError } from './key-refusal.js'
import {
  createKeyWriter,
  KeyTooLarge,
  type KeyWriter,
  MAX_KEY_BYTES,
  Tag,
  writeByte,
  writeBytes,
  writeNumber,
  writeString,
  writeVarint,
} from './key-writer.js'
import { kindOf, type ObjectKind, typedArrayName } from './object-kind.js'
import { sortNames, sortRecords } from './sort-records.js'
import { applyTextForm, type TextForm } from './text-form.js'

/** Values nested deeper than this many containers are refused. */
export const MAX_KEY_DEPTH = 512

/**
 * The canonical bytes of a value: equal values give equal bytes, distinct ones never do.
 *
 * Returns a view into a reused buffer, valid until the next call. Property order, the order of Map entries and of Set
 * members, and properties that are `undefined` make no difference; `-0` equals `0`. As in JSON, only own enumerable
 * properties with string names count, and of arrays only their elements.
 *
 * @throws KeyError `ERR_KEY_UNSUPPORTED` for functions, symbols, class instances without `[keyForm]`, cycles, more than
 * 512 levels, more than 64 MiB, and for whatever throws while it is read.
 */
export function canonicalBytes(value: unknown, text?: TextForm): Uint8Array {
  try {
    return encodeKey(value, text)
  } catch (error) {
    throw publicError(error)
  }
}

/** As `canonicalBytes`, but refuses with a `KeyRefusal`. */
export function encodeKey(value: unknown, text: TextForm | undefined): Uint8Array {
  if (busy) return encodeWith(createWalk(), value, text)
  busy = true
  try {
    return encodeWith(shared, value, text)
  } finally {
    busy = false
    if (shared.bytes.length > KEPT_BYTES) shared = createWalk()
  }
}

interface Walk extends KeyWriter {
  /** The containers above the current value. */
  containers: unknown[]
  /** Where in each of them the walk is; kept so that a path can be told, built only on refusal. */
  segments: PathSegment[]
  text: TextForm | undefined
}

// The reusable key buffer, one of the three process-wide states: a fresh buffer per key costs more than the encoding.
// A getter or Proxy that computes another key meanwhile finds it busy and takes its own.
const KEPT_BYTES = 1024 * 1024
let shared = createWalk()
let busy = false

function createWalk(): Walk {
  return { ...createKeyWriter(4096), containers: [], segments: [], text: undefined }
}

function encodeWith(walk: Walk, value: unknown, text: TextForm | undefined): Uint8Array {
  walk.at = 0
  walk.text = text
  try {
    writeValue(walk, value, 0)
  } catch (error) {
    throw refusalOf(walk, error)
  }
  return new Uint8Array(walk.bytes.buffer, 0, walk.at)
}

function refusalOf(walk: Walk, error: unknown): KeyRefusal {
  const entered = walk.containers.indexOf(undefined)
  const depth = entered === -1 ? walk.containers.length : entered
  const path = formatPath(walk.containers, walk.segments, depth)
  walk.containers = []
  walk.segments = []
  // An own refusal, not the one of a key that a getter computed meanwhile.
  if (error instanceof KeyRefusal && error.path === UNPLACED) return new KeyRefusal(path, error.received)
  if (error instanceof KeyTooLarge) return new KeyRefusal(path, 'more than 64 MiB of key')
  return new KeyRefusal(path, 'a value that throws when it is read')
}

// The path is told where the walk is unwound, in one place.
const UNPLACED = ''

function refuse(received: string): never {
  throw new KeyRefusal(UNPLACED, received)
}

function writeValue(walk: Walk, value: unknown, depth: number): void {
  switch (typeof value) {
    case 'string':
      writeString(walk, walk.text === undefined ? value : applyTextForm(value, walk.text))
      return
    case 'number':
      writeNumber(walk, value)
      return
    case 'boolean':
      writeByte(walk, value ? Tag.true : Tag.false)
      return
    case 'undefined':
      writeByte(walk, Tag.undefined)
      return
    case 'bigint':
      writeByte(walk, Tag.bigint)
      writeString(walk, value.toString(16))
      return
    case 'object':
      if (value === null) writeByte(walk, Tag.null)
      else writeContainer(walk, value, depth)
      return
    default:
      refuse(describeKind(value))
  }
}

function writeContainer(walk: Walk, value: object, depth: number): void {
  const { containers } = walk
  if (depth >= MAX_KEY_DEPTH) refuse(`nesting deeper than ${MAX_KEY_DEPTH} levels`)
  // Only an ancestor makes a cycle: the same object may well occur twice side by side.
  for (let index = 0; index < depth; index++) if (containers[index] === value) refuse('a cycle')
  containers[depth] = value
  walk.segments[depth] = undefined
  const form: unknown = (value as FormedValue)[keyForm]
  if (form !== undefined) writeForm(walk, value as FormedValue, depth)
  else writeObject(walk, value, depth)
  containers[depth] = undefined
}

interface FormedValue {
  readonly [keyForm]?: unknown
}

function writeForm(walk: Walk, value: FormedValue, depth: number): void {
  const form = value[keyForm]
  if (typeof form !== 'function') refuse('an object whose [keyForm] is not a method')
  writeByte(walk, Tag.form)
  writeString(walk, value.constructor?.name ?? '')
  writeValue(walk, form.call(value), depth + 1)
}

function writeObject(walk: Walk, value: object, depth: number): void {
  const kind = kindOf(value)
  switch (kind) {
    case 'plain':
      writePlain(walk, value as Record<string, unknown>, depth)
      return
    case 'array':
      writeArray(walk, value as readonly unknown[], depth)
      return
    case 'date':
      writeByte(walk, Tag.date)
      writeNumber(walk, (value as Date).getTime())
      return
    case 'map':
      writeMap(walk, value as ReadonlyMap<unknown, unknown>, depth)
      return
    case 'set':
      writeSet(walk, value as ReadonlySet<unknown>, depth)
      return
    default:
      writeExotic(walk, value, kind)
      return
  }
}

function writePlain(walk: Walk, value: Record<string, unknown>, depth: number): void {
  const names = sortNames(Object.keys(value))
  const { segments } = walk
  writeByte(walk, Tag.object)
  for (let index = 0; index < names.length; index++) {
    const name = names[index] as string
    segments[depth] = name
    const property = value[name]
    if (property === undefined) continue
    writeString(walk, name)
    writeValue(walk, property, depth + 1)
  }
  // No string begins with this tag, so no count is needed, which would take reading the properties twice.
  writeByte(walk, Tag.end)
}

function writeArray(walk: Walk, value: readonly unknown[], depth: number): void {
  const { length } = value
  // Every element takes a byte at least; a huge sparse array is not worth walking.
  if (length > MAX_KEY_BYTES) throw new KeyTooLarge()
  writeByte(walk, Tag.array)
  writeVarint(walk, length)
  for (let index = 0; index < length; index++) {
    walk.segments[depth] = index
    const element = value[index]
    if (element === undefined && !(index in value)) writeByte(walk, Tag.hole)
    else writeValue(walk, element, depth + 1)
  }
}

function writeMap(walk: Walk, value: ReadonlyMap<unknown, unknown>, depth: number): void {
  const { text } = walk
  const starts: number[] = []
  writeByte(walk, Tag.map)
  writeVarint(walk, value.size)
  for (const [key, element] of value) {
    const index = starts.push(walk.at) - 1
    walk.segments[depth] = index * 2
    // The keys of a Map are names: a text form leaves them alone.
    walk.text = undefined
    writeValue(walk, key, depth + 1)
    walk.text = text
    walk.segments[depth] = index * 2 + 1
    writeValue(walk, element, depth + 1)
  }
  sortRecords(walk, starts)
}

function writeSet(walk: Walk, value: ReadonlySet<unknown>, depth: number): void {
  const starts: number[] = []
  writeByte(walk, Tag.set)
  writeVarint(walk, value.size)
  for (const member of value) {
    walk.segments[depth] = starts.push(walk.at) - 1
    writeValue(walk, member, depth + 1)
  }
  sortRecords(walk, starts)
}

function writeExotic(walk: Walk, value: object, kind: ObjectKind): void {
  switch (kind) {
    case 'typedArray':
      writeByte(walk, Tag.typedArray)
      writeString(walk, typedArrayName(value as NodeJS.TypedArray))
      writeBytes(walk, bytesOf(value as NodeJS.TypedArray))
      return
    case 'buffer':
      writeByte(walk, Tag.buffer)
      writeBytes(walk, bytesOf(value as Buffer))
      return
    case 'arrayBuffer':
      writeByte(walk, Tag.arrayBuffer)
      writeBytes(walk, new Uint8Array(value as ArrayBuffer))
      return
    case 'dataView':
      writeByte(walk, Tag.dataView)
      writeBytes(walk, bytesOf(value as DataView))
      return
    case 'url':
      writeByte(walk, Tag.url)
      writeString(walk, (value as URL).href)
      return
    case 'regexp':
      writeByte(walk, Tag.regexp)
      writeString(walk, (value as RegExp).source)
      writeString(walk, (value as RegExp).flags)
      return
    default:
      refuse(describeKind(value))
  }
}

// Throws for a detached buffer, which has lost its content and must not equal an empty one.
function bytesOf(value: ArrayBufferView): Uint8Array {
  return new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
}
