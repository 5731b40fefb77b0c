import { holds, NAMESPACE, same, type Trial } from './contract-trial.js'

const SCOPES: readonly (readonly [what: string, name: string])[] = [
  ['the namespace', `n/${NAMESPACE}`],
  ['everything', '*'],
  ['a tag', `t/${NAMESPACE}/red`],
  ['a tag of all namespaces', 't//red'],
]

/** What a store promises about markers and the sequence number. */
export const INVALIDATION_TRIALS: readonly Trial[] = [
  ...SCOPES.map(
    ([what, name]): Trial => ({
      name: `invalidating ${what} ends what was there before`,
      async run({ load, bump, isUsable }) {
        await load(['red'])
        holds(await isUsable(), 'the entry is valid before')
        await bump([name])
        holds(!(await isUsable()), 'the entry is valid no more')
      },
    }),
  ),
  {
    name: 'an invalidation leaves alone what it does not concern',
    async run({ load, bump, isUsable }) {
      await load(['red'])
      await bump(['n/thing', `n/${NAMESPACE}2`, `t/${NAMESPACE}/re`, 't/other/red', 't//redd'])
      holds(await isUsable(), 'the entry is valid')
    },
  },
  {
    name: 'every invalidation has a higher number than the one before, which readers see',
    async run({ read, bump, store }) {
      const first = await bump(['t//a'])
      const second = await bump(['t//b', 't//c'], 'delete', store.two)
      holds(second.seq > first.seq, 'the second number is higher')
      same((await read()).seq, second.seq, 'the number of a read')
    },
  },
  {
    name: 'a load that began before an invalidation is dead, by tags known only from the value too',
    async run({ read, bump, write, entry, isUsable, store }) {
      const before = await read(store.one, { token: 'mine' })
      const { seq } = await bump(['t//late'], 'delete', store.two)
      const reply = await write(entry(before, ['late']), 'mine')
      same([reply.outcome, reply.markers.get('t//late')?.hard], ['dead', seq], 'outcome and marker')
      holds(!(await isUsable()), 'nothing valid is there')
    },
  },
  {
    name: 'the first load under a new tag is not dead by another one',
    async run({ read, bump, write, entry, isUsable, store }) {
      const before = await read(store.one, { token: 'mine' })
      await bump(['t//unrelated'])
      same((await write(entry(before, ['never seen']), 'mine')).outcome, 'written', 'outcome')
      holds(await isUsable(), 'the entry is valid')
    },
  },
  {
    name: 'a write makes a missing marker again from the log of invalidations',
    needs: 'evict',
    async run({ read, bump, write, entry, evict, store }) {
      const before = await read(store.one, { token: 'mine' })
      const { seq } = await bump(['t//late'])
      await evict({ marker: 't//late' })
      const reply = await write(entry(before, ['late']), 'mine')
      same([reply.outcome, reply.markers.get('t//late')?.hard], ['dead', seq], 'outcome and marker')
    },
  },
  {
    name: 'a write takes the present number for a missing marker when the log is gone',
    needs: 'evict',
    async run({ read, bump, write, entry, evict, store }) {
      const before = await read(store.one, { token: 'mine' })
      await bump(['t//late'])
      await evict({ marker: 't//late' })
      await evict('log')
      same((await write(entry(before, ['late']), 'mine')).outcome, 'dead', 'outcome')
    },
  },
  {
    name: 'a missing marker makes an entry invalid, because nothing is known then',
    needs: 'evict',
    async run({ load, evict, isUsable }) {
      await load(['gone'])
      await evict({ marker: 't//gone' })
      holds(!(await isUsable()), 'the entry is valid no more')
    },
  },
  {
    name: 'a soft invalidation leaves the entry valid, and says since when it is not fresh',
    async run({ load, bump, read, isUsable, store }) {
      await load(['soft'])
      const { seq } = await bump(['t//soft'], 'expire')
      const reply = await read(store.two)
      const marker = reply.markers.get('t//soft')
      same(marker?.soft, seq, 'the soft number')
      holds(marker !== undefined && marker.hard < seq, 'the hard number is older')
      holds(reply.entry !== undefined && reply.entry.startSeq < seq, 'the entry is from before it')
      holds(await isUsable(), 'the entry is valid')
    },
  },
  {
    name: 'a load that began before a soft invalidation is written, and not fresh',
    async run({ read, bump, write, entry, store }) {
      const before = await read(store.one, { token: 'mine' })
      const { seq } = await bump(['t//soft'], 'expire', store.two)
      same((await write(entry(before, ['soft']), 'mine')).outcome, 'written', 'outcome')
      const reply = await read(store.two)
      holds(reply.entry !== undefined && reply.entry.startSeq < seq, 'the entry is from before it')
      same(reply.markers.get('t//soft')?.soft, seq, 'the soft number')
    },
  },
  {
    name: 'a soft invalidation does not take back a hard one',
    async run({ load, bump, isUsable }) {
      await load(['both'])
      await bump(['t//both'])
      await bump(['t//both'], 'expire')
      holds(!(await isUsable()), 'the entry is valid no more')
    },
  },
  {
    name: 'kill removes the entry and its token',
    async run({ load, settle, store, ref, read, write, entry }) {
      await load()
      await settle(store.one.token(ref.key, 'late', 60_000))
      await settle(store.two.kill(ref))
      const reply = await read()
      same(reply.entry, undefined, 'the entry')
      same((await write(entry(reply), 'late')).outcome, 'refused', 'a write with the old token')
    },
  },
  {
    name: 'set stamps the entry itself and takes the token',
    async run({ load, settle, store, ref, set, read, write, entry, isUsable }) {
      const { before } = await load()
      await settle(store.one.token(ref.key, 'late', 60_000))
      const reply = await set(store.two, ['blue'])
      same([reply.outcome, reply.inc], ['written', before.inc], 'outcome and incarnation')
      const found = (await read()).entry
      same([found?.tags, found?.startSeq, found?.inc], [['blue'], reply.seq, before.inc], 'the entry')
      holds(await isUsable(), 'the entry is valid')
      same((await write(entry(before), 'late')).outcome, 'refused', 'a write with the old token')
    },
  },
  {
    name: 'set does nothing after its time',
    async run({ load, set, read, store }) {
      const { before, entry } = await load()
      same((await set(store.one, [], before.nowMs - 1)).outcome, 'late', 'outcome')
      same((await read()).entry?.id, entry.id, 'the entry')
    },
  },
  {
    name: 'expire ends the freshness, keeps the value under another id, and takes the token',
    async run({ load, settle, store, ref, read, write, isUsable }) {
      const { entry } = await load(['red'])
      await settle(store.one.token(ref.key, 'late', 60_000))
      await settle(store.two.expire(ref))
      const { entry: found, nowMs } = await read(store.one, { knownId: entry.id })
      holds(found?.body !== undefined, 'who knows the old entry gets the body')
      holds(found !== undefined && found.freshUntilMs <= nowMs + 1, 'it is not fresh')
      holds(await isUsable(), 'it is valid')
      same((await write({ ...entry, id: 'another-entry-01' }, 'late')).outcome, 'refused', 'a write with the old token')
    },
  },
]
