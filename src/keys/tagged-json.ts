import { Buffer } from 'node:buffer'
import stableStringify from 'fast-json-stable-stringify'
import { encodeKey } from './canonicalize.js'
import { keyForm } from './key-form.js'
import { kindOf, typedArrayName } from './object-kind.js'
import { applyTextForm, type TextForm } from './text-form.js'

/**
 * A value as readable JSON text with sorted properties, in which types that JSON lacks are tagged: `{"$date":"…"}`,
 * `{"$map":[[key,value]]}`, `{"$undefined":true}`. A real property that begins with `$` has it doubled.
 *
 * For values that have canonical bytes: cycles and unsupported values must have been refused before.
 */
export function taggedJson(value: unknown, text: TextForm | undefined): string {
  return stableStringify(tagged(value, text))
}

type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json }

function tagged(value: unknown, text: TextForm | undefined): Json {
  switch (typeof value) {
    case 'string':
      return text === undefined ? value : applyTextForm(value, text)
    case 'number':
      return taggedNumber(value)
    case 'boolean':
      return value
    case 'undefined':
      return { $undefined: true }
    case 'bigint':
      return { $bigint: String(value) }
    default:
      return value === null ? null : taggedObject(value as object, text)
  }
}

function taggedNumber(value: number): Json {
  if (!Number.isFinite(value)) return { $number: String(value) }
  return value === 0 ? 0 : value
}

function taggedObject(value: object, text: TextForm | undefined): Json {
  const form: unknown = (value as { readonly [keyForm]?: unknown })[keyForm]
  if (typeof form === 'function') return { $form: [value.constructor?.name ?? '', tagged(form.call(value), text)] }
  switch (kindOf(value)) {
    case 'plain':
      return taggedProperties(value as Record<string, unknown>, text)
    case 'array':
      return taggedElements(value as readonly unknown[], text)
    case 'date':
      return { $date: Number.isNaN((value as Date).getTime()) ? 'invalid' : (value as Date).toISOString() }
    case 'map':
      return { $map: taggedEntries(value as ReadonlyMap<unknown, unknown>, text) }
    case 'set':
      return { $set: inByteOrder([...(value as ReadonlySet<unknown>)], text).map((member) => tagged(member, text)) }
    default:
      return taggedExotic(value)
  }
}

function taggedProperties(value: Record<string, unknown>, text: TextForm | undefined): Json {
  // Without a prototype, so that `__proto__` is a property like any other.
  const properties: Record<string, Json> = Object.create(null)
  for (const name of Object.keys(value)) {
    const property = value[name]
    if (property !== undefined) properties[name.startsWith('$') ? `$${name}` : name] = tagged(property, text)
  }
  return properties
}

function taggedElements(value: readonly unknown[], text: TextForm | undefined): Json {
  return Array.from(value, (element, index) => (index in value ? tagged(element, text) : { $hole: true }))
}

function taggedEntries(value: ReadonlyMap<unknown, unknown>, text: TextForm | undefined): Json {
  return inByteOrder([...value], text).map(([key, element]) => [tagged(key, undefined), tagged(element, text)])
}

function inByteOrder<T>(members: readonly T[], text: TextForm | undefined): T[] {
  const records = members.map((member) => ({ member, bytes: Buffer.from(encodeKey(member, text)) }))
  return records.sort((a, b) => Buffer.compare(a.bytes, b.bytes)).map((record) => record.member)
}

function taggedExotic(value: object): Json {
  switch (kindOf(value)) {
    case 'url':
      return { $url: (value as URL).href }
    case 'regexp':
      return { $regexp: [(value as RegExp).source, (value as RegExp).flags] }
    case 'buffer':
      return { $buffer: base64(value as Buffer) }
    case 'arrayBuffer':
      return { $arrayBuffer: Buffer.from(value as ArrayBuffer).toString('base64') }
    case 'dataView':
      return { $dataView: base64(value as DataView) }
    default:
      return { $typedArray: [typedArrayName(value as NodeJS.TypedArray), base64(value as NodeJS.TypedArray)] }
  }
}

function base64(value: ArrayBufferView): string {
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64')
}
