import { createHash, randomFillSync } from 'node:crypto'
import { expect, test } from 'vitest'
import { crc32, gmac } from '../../src/codec/checksum.js'
import { type Codec, createCodec, type Decoded } from '../../src/codec/codec.js'
import { keyDigestOf } from '../../src/codec/entry-header.js'
import { entryOf, HEADER, isIdentical, KEY } from '../unit/codec/support.js'
import { KEPT } from '../unit/codec/value-matrix.js'

const { SCALE, SEED } = process.env
const rounds = SCALE === 'full' ? 1_000_000 : Number(SCALE ?? 20_000)
const seed = Number(SEED ?? Date.now() % 2 ** 31)
const MINUTES = 60_000
const MIB = 1024 * 1024
const OTHER_KEY = keyDigestOf('p:user:2')

/** A stored entry, what it stands for, and who reads it. */
interface Specimen {
  readonly entry: Buffer
  readonly value: unknown
  readonly codec: Codec
}

/** Damage that a wrong checksum or key gives away: what comes out is a miss, or nothing was changed. */
const DAMAGE: Readonly<Record<string, (entry: Buffer, other: Buffer, random: Random) => Buffer>> = {
  'flipped bits': (entry, _other, random) => {
    for (let count = random(8) + 1; count > 0; count--) flip(entry, random(entry.length), 1 << random(8))
    return entry
  },
  'a flipped bit of the header': (entry, _other, random) => flip(entry, random(entry.readUInt16LE(4)), 1 << random(8)),
  truncated: (entry, _other, random) => entry.subarray(0, random(entry.length)),
  'with more behind it': (entry, other, random) => Buffer.concat([entry, other.subarray(0, random(40) + 1)]),
  'with noise inside': (entry, _other, random) => {
    const at = random(entry.length)
    for (let index = at; index < Math.min(entry.length, at + 1 + random(64)); index++) entry[index] = random(256)
    return entry
  },
  'with zeros inside': (entry, _other, random) => {
    const at = random(entry.length)
    return entry.fill(0, at, Math.min(entry.length, at + 1 + random(64)))
  },
  'with a byte less': (entry, _other, random) => {
    const at = random(entry.length)
    return Buffer.concat([entry.subarray(0, at), entry.subarray(at + 1)])
  },
  'with two parts exchanged': (entry, _other, random) => {
    const [a, b] = [random(entry.length), random(entry.length)].sort((x, y) => x - y) as [number, number]
    return Buffer.concat([entry.subarray(b), entry.subarray(a, b), entry.subarray(0, a)])
  },
  'with the body of another': (entry, other) => Buffer.concat([headerOf(entry), bodyOf(other)]),
  'with the end of another': (entry, other, random) => {
    const at = random(entry.length)
    return Buffer.concat([entry.subarray(0, at), other.subarray(Math.min(at, other.length))])
  },
  'of no kind at all': (_entry, _other, random) => Buffer.from(Array.from({ length: random(300) }, () => random(256))),
}

/** What somebody with access to the store can make: right checksums around a changed body. */
const FORGERY: Readonly<Record<string, (body: Buffer, other: Buffer, random: Random) => Buffer>> = {
  'flipped bits': (body, _other, random) => {
    for (let count = random(4) + 1; count > 0 && body.length > 0; count--)
      flip(body, random(body.length), 1 << random(8))
    return body
  },
  'another token': (body, _other, random) => {
    if (body.length > 0) body[random(body.length)] = TOKENS[random(TOKENS.length)] as number
    return body
  },
  'a huge count': (body, _other, random) => {
    const at = random(body.length + 1)
    return Buffer.concat([
      body.subarray(0, at),
      Buffer.from(COUNTS[random(COUNTS.length)] as string, 'hex'),
      body.subarray(at),
    ])
  },
  'the end of another': (body, other, random) => Buffer.concat([body.subarray(0, random(body.length + 1)), other]),
  'repeated many times': (body, _other, random) => {
    const part = body.subarray(0, 1 + random(8))
    return Buffer.concat(Array.from({ length: 1 + random(2000) }, () => part))
  },
  'only tokens': (_body, _other, random) =>
    Buffer.from(Array.from({ length: random(60) }, () => TOKENS[random(TOKENS.length)] as number)),
}

const TOKENS = [
  0x80, 0x81, 0x8f, 0x90, 0x91, 0xa0, 0xa1, 0xc0, 0xc7, 0xc9, 0xcb, 0xdb, 0xdc, 0xdd, 0xdf, 0, 1, 4, 6, 7, 8, 9, 10, 11,
]
const COUNTS = [
  'ddffffffff',
  'dfffffffff',
  'dbffffffff',
  'c9ffffffff07',
  'c70407ffffffff',
  'c9fffffff006',
  'dd01000000',
  '5b5b5b',
  '7b22',
]

test(
  `${rounds} damaged entries: never a wrong value, never a throw, memory bounded, prototypes untouched`,
  async () => {
    const random = createRandom(seed)
    const specimens = await createSpecimens()
    const untouched = fingerprint()
    const seen: Record<string, number> = {}
    const before = process.memoryUsage().heapUsed
    let most = 0
    for (let round = 0; round < rounds; round++) {
      const specimen = specimens[random(specimens.length)] as Specimen
      const other = specimens[random(specimens.length)] as Specimen
      const outcome =
        round % 3 === 0 ? await forgedOutcome(specimen, other, random) : await damagedOutcome(specimen, other, random)
      seen[outcome] = (seen[outcome] ?? 0) + 1
      if (round % 1000 === 0) most = Math.max(most, process.memoryUsage().heapUsed - before)
    }
    console.log(`seed ${seed}, heap at most +${Math.round(most / MIB)} MiB,`, JSON.stringify(seen))
    expect(seen).not.toHaveProperty('wrong')
    expect(fingerprint()).toEqual(untouched)
    expect(most).toBeLessThan(192 * MIB)
  },
  30 * MINUTES,
)

async function damagedOutcome(specimen: Specimen, other: Specimen, random: Random): Promise<string> {
  if (random(20) === 0) return reason(await specimen.codec.decode(specimen.entry, OTHER_KEY), 'wrong')
  const damage = pick(DAMAGE, random)
  const damaged = damage(Buffer.from(specimen.entry), other.entry, random)
  const decoded = await specimen.codec.decode(damaged, KEY)
  if (!decoded.ok) return decoded.reason
  // Cut within the bytes both begin with, this is another whole entry of the same key.
  if (damaged.equals(other.entry)) return 'other'
  // The other entry may have the same body, and noise may happen to change nothing.
  return isIdentical(decoded.value, specimen.value) && isIdentical(decoded.header, HEADER) ? 'unchanged' : 'wrong'
}

/** A forged body may be some other value, but only one of the closed list, and a whole one: it can be written again. */
async function forgedOutcome(specimen: Specimen, other: Specimen, random: Random): Promise<string> {
  const body = pick(FORGERY, random)(Buffer.from(bodyOf(specimen.entry)), bodyOf(other.entry), random)
  const decoded = await specimen.codec.decode(withBody(specimen.entry, body), KEY)
  if (!decoded.ok) return decoded.reason
  const again = await specimen.codec.encode(decoded.value, KEY, HEADER)
  return 'refused' in again ? 'wrong' : 'forged'
}

async function createSpecimens(): Promise<Specimen[]> {
  const key = randomFillSync(Buffer.alloc(32))
  const codecs = [
    createCodec({ compress: false, maxBytes: MIB }),
    createCodec({ compress: { thresholdBytes: 40 }, maxBytes: MIB }),
    createCodec({ format: 'json', compress: false, maxBytes: MIB }),
    createCodec({ compress: false, maxBytes: MIB, encryption: { keys: [{ id: 'k', key }] } }),
  ]
  const specimens: Specimen[] = []
  for (const codec of codecs) {
    for (const [name, value] of KEPT) {
      if (/^many|texts at the edges/.test(name)) continue
      specimens.push({ codec, value, entry: await entryOf(codec, value) })
    }
    // Their bodies have another kind of checksum.
    for (const value of [randomFillSync(Buffer.alloc(64 * 1024)), { text: 'x'.repeat(64 * 1024) }]) {
      specimens.push({ codec, value, entry: await entryOf(codec, value) })
    }
  }
  return specimens
}

/** An entry with another body, whose checksums are right. */
function withBody(entry: Buffer, body: Buffer): Buffer {
  const header = Buffer.from(headerOf(entry))
  const isEncrypted = ((header[3] as number) & 2) === 2
  const isTagged = ((header[3] as number) & 4) === 4
  if (!isTagged) header.writeUInt32LE(crc32(body), 64)
  else if (!isEncrypted) header.set(gmac(body), header.length - 32)
  header.writeUInt32LE(body.length, 68)
  const isCompressed = ((header[3] as number) & 1) === 1
  if (!isCompressed) header.writeUInt32LE(body.length, 112)
  const end = header.length - 16
  header.write(createHash('sha1').update(header.subarray(0, end)).digest('hex').slice(0, 16), end, 'latin1')
  return Buffer.concat([header, body])
}

function headerOf(entry: Buffer): Buffer {
  return entry.subarray(0, entry.readUInt16LE(4))
}

function bodyOf(entry: Buffer): Buffer {
  return entry.subarray(entry.readUInt16LE(4))
}

function flip(bytes: Buffer, at: number, bits: number): Buffer {
  bytes[at] = (bytes[at] as number) ^ bits
  return bytes
}

function reason(decoded: Decoded, ifOk: string): string {
  return decoded.ok ? ifOk : decoded.reason
}

function fingerprint(): unknown {
  const prototypes = [Object, Array, Map, Set, Date, Error, Function, String, Number, RegExp, Uint8Array, Buffer, URL]
  return prototypes.map(({ prototype }) => Reflect.ownKeys(prototype).map(String).join())
}

function pick<T>(choices: Readonly<Record<string, T>>, random: Random): T {
  const names = Object.keys(choices)
  return choices[names[random(names.length)] as string] as T
}

/** A whole number below the given one. */
type Random = (below: number) => number

// mulberry32: small, fast, and the same on every machine.
function createRandom(start: number): Random {
  let state = start
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}
