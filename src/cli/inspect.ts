import { inspect } from 'node:util'
import { createCodec } from '../codec/codec.js'
import type { CheckedHeader } from '../codec/entry-header.js'
import { keyDigestOf } from '../codec/entry-header.js'
import { writeJson } from '../codec/json-writer.js'
import { isSubjectTag } from '../stores/subject.js'
import type { Call, Command } from './command.js'
import { Failure } from './failure.js'
import { keyGiven, withView } from './open-view.js'
import { type FoundEntry, namespaceIn } from './store-view.js'
import { bytesText, durationText, instantText, jsonText, pairs, shown } from './text.js'

/** `hopstash inspect` */
export const inspectCommand: Command = {
  name: 'inspect',
  summary: 'What is stored at a key: when, for how long, in which form.',
  takes: '<key>',
  atLeast: 1,
  atMost: 1,
  options: ['store', 'sentinel', 'prefix', 'value', 'json'],
  notes: [
    'Prints no value unless --value asks for it. Whether a reader would get it is what explain tells.',
    'A value that is encrypted stays so: the keys are not known here.',
  ],
  run: (call) =>
    withView(call, async (view) => {
      const key = keyGiven(call)
      const found = await view.find(key)
      if (found === undefined) throw new Failure(`There is nothing at ${key}.`)
      const facts = { key, namespace: namespaceIn(key), place: found.place, bytes: found.bytes }
      const { header } = found
      if (!header.ok) {
        if (call.values.json) call.io.out(jsonText({ ...facts, unreadable: header.reason }))
        else
          call.io.out(pairs([...lines(facts), ['unreadable', `${header.reason}: a miss to every reader`]], call.paint))
        return 1
      }
      const value = call.values.value ? await valueIn(found, header, key) : undefined
      if (call.values.json)
        call.io.out(jsonText({ ...facts, ...document(found, header), ...(value && { value: asJson(value.is) }) }))
      else print(call, [...lines(facts), ...described(found, header)], value)
      return 0
    }),
}

interface Facts {
  readonly key: string
  readonly namespace: string
  readonly place: string
  readonly bytes: number
}

type Line = readonly [name: string, value: string]

const LIMITS = { maxBytes: 128 * 1024 * 1024, maxDepth: 512 }

function lines({ key, namespace, place, bytes }: Facts): Line[] {
  return [
    ['key', shown(key)],
    ['namespace', shown(namespace)],
    ['stored at', shown(place)],
    ['size', bytesText(bytes)],
  ]
}

function document({ goneInMs, isTimeless }: FoundEntry, { header, body, headerBytes }: CheckedHeader) {
  return {
    id: header.id,
    incarnation: header.inc,
    start_seq: header.startSeq,
    stored_at: instantText(header.storedAtMs),
    fresh_until: isTimeless ? null : instantText(header.freshUntilMs),
    stale_for_ms: header.staleForMs,
    error_for_ms: header.errorForMs,
    removed_in_ms: goneInMs,
    load_ms: header.loadMs,
    tags: header.tags.filter((tag) => !isSubjectTag(tag)),
    has_subject: header.tags.some(isSubjectTag),
    format: body.format,
    compressed: body.isCompressed,
    encrypted: body.encryption !== undefined,
    header_bytes: headerBytes,
    body_bytes: body.bodyBytes,
    content_bytes: body.contentBytes,
  }
}

function described(found: FoundEntry, checked: CheckedHeader): Line[] {
  const about = document(found, checked)
  const { header, body } = checked
  const packed = [about.compressed && 'compressed', about.encrypted && `encrypted (key ${body.encryption?.keyId})`]
  const form = [about.format, ...packed.filter((part) => part !== false)].join(', ')
  return [
    ['stored', about.stored_at],
    ['fresh until', about.fresh_until ?? 'no lifetime ends it'],
    ['then served while refreshed', durationText(header.staleForMs)],
    ['then served if a load fails', durationText(header.errorForMs)],
    ['removed in', durationText(found.goneInMs)],
    ['took to load', durationText(header.loadMs)],
    ['tags', about.tags.length === 0 ? 'none' : `${about.tags.length}: ${shown(about.tags.join(', '))}`],
    ['about a subject', about.has_subject ? 'yes' : 'no'],
    ['form', form],
    ['bytes', `header ${about.header_bytes}, body ${about.body_bytes}, content ${about.content_bytes}`],
    ['order', `incarnation ${shown(header.inc)}, number ${header.startSeq}, id ${shown(header.id)}`],
  ]
}

function print({ io, paint }: Call, list: readonly Line[], value: { readonly is: unknown } | undefined): void {
  io.out(pairs(list, paint))
  if (value === undefined) return
  // Control characters of texts come out as escapes.
  io.out(
    `\n${inspect(value.is, { depth: 64, maxArrayLength: 1000, maxStringLength: 1_000_000, colors: io.hasColours })}\n`,
  )
}

async function valueIn(found: FoundEntry, { body }: CheckedHeader, key: string): Promise<{ readonly is: unknown }> {
  if (body.encryption !== undefined) throw new Failure('The value is encrypted, and its key is not known here.')
  const bytes = await found.read()
  const decoded = bytes && (await createCodec().decode(bytes, keyDigestOf(key)))
  if (decoded?.ok !== true) throw new Failure(`The value cannot be read: ${decoded?.reason ?? 'it is gone'}.`)
  return { is: decoded.value }
}

function asJson(value: unknown): unknown {
  return JSON.parse(writeJson(value, LIMITS).toString('utf8'))
}
