import { BODY, holds, same, type Trial } from './contract-trial.js'

/** What a store promises about reading, tokens and fenced writes. */
export const ENTRY_TRIALS: readonly Trial[] = [
  {
    name: 'a read of nothing says which number a load is stamped with, in which incarnation, at what time',
    async run({ read }) {
      const reply = await read()
      same([reply.entry, reply.token], [undefined, undefined], 'entry and token')
      holds(Number.isSafeInteger(reply.seq) && reply.seq > 0, 'a sequence number above 0')
      holds(reply.inc !== '', 'an incarnation')
      holds(reply.nowMs >= 0, 'a time')
    },
  },
  {
    name: 'every connection sees one incarnation',
    async run({ read, settle, store }) {
      const { inc } = await read(store.one)
      same([(await read(store.two)).inc, (await settle(store.two.ping())).inc], [inc, inc], 'incarnations')
    },
  },
  {
    name: 'what a load wrote is read back by everybody, byte for byte',
    async run({ load, read, store, isUsable }) {
      const { entry, written } = await load(['red', 'ta|g:with/bars'])
      same(written.outcome, 'written', 'outcome')
      const found = (await read(store.two)).entry
      const plain = { header: undefined, checked: undefined }
      same(found === undefined ? found : { ...found, ...plain }, { ...entry, ...plain }, 'the entry')
      same(found?.body === undefined ? found : Uint8Array.from(found.body), BODY, 'the body')
      holds(await isUsable(), 'the entry is valid')
    },
  },
  {
    name: 'a read takes a token only where nothing valid is there',
    async run({ read, load, store, settle, ref }) {
      same((await read(store.one, { token: 'first' })).token, 'first', 'token of a miss')
      await settle(store.one.kill(ref))
      await load()
      same((await read(store.one, { token: 'second' })).token, undefined, 'token of a hit')
    },
  },
  {
    name: 'a read takes a token where the entry was invalidated',
    async run({ read, load, bump, store }) {
      await load(['red'])
      await bump(['t//red'])
      same((await read(store.two, { token: 'again' })).token, 'again', 'token')
    },
  },
  {
    name: 'loaders of one key share one token',
    async run({ settle, store, ref, read }) {
      same(await settle(store.one.token(ref.key, 'mine', 60_000)), 'mine', 'the first')
      same(await settle(store.two.token(ref.key, 'yours', 60_000)), 'mine', 'the second')
      same((await read(store.two, { token: 'third' })).token, 'mine', 'the one of a read')
    },
  },
  {
    name: 'a token lapses',
    async run({ settle, store, ref }) {
      await settle(store.one.token(ref.key, 'mine', 30))
      await store.wait(80)
      same(await settle(store.two.token(ref.key, 'yours', 60_000)), 'yours', 'token')
    },
  },
  {
    name: 'the first write uses the token up',
    async run({ load, write, read }) {
      const { before, entry } = await load()
      same((await write({ ...entry, id: 'another-entry-01' }, before.token ?? '')).outcome, 'refused', 'second write')
      same((await read()).entry?.id, entry.id, 'the entry')
    },
  },
  {
    name: 'a write with another token is refused, and so is one without any',
    async run({ read, entry, write, store }) {
      const before = await read(store.one)
      same((await write(entry(before), 'none was taken')).outcome, 'refused', 'without a token')
      await read(store.one, { token: 'mine' })
      same((await write(entry(before), 'other')).outcome, 'refused', 'with another token')
      same((await read()).entry, undefined, 'the entry')
    },
  },
  {
    name: 'a write after its time is refused',
    async run({ read, entry, write, store }) {
      const before = await read(store.one, { token: 'mine' })
      same((await write(entry(before), 'mine', before.nowMs - 1)).outcome, 'refused', 'outcome')
      same((await read()).entry, undefined, 'the entry')
    },
  },
  {
    name: 'a write whose token was evicted is refused',
    needs: 'evict',
    async run({ read, entry, write, evict, store }) {
      const before = await read(store.one, { token: 'mine' })
      await evict('token')
      same((await write(entry(before), 'mine')).outcome, 'refused', 'outcome')
    },
  },
  {
    name: 'a reader that knows the entry is told so without the body',
    async run({ load, read, store }) {
      const { entry } = await load(['red'])
      const known = (await read(store.two, { knownId: entry.id })).entry
      same([known?.id, known?.body, known?.tags], [entry.id, undefined, ['red']], 'the known entry')
      const other = (await read(store.two, { knownId: 'another-entry-01' })).entry
      holds(other?.body !== undefined, 'an entry that is not known comes with its body')
    },
  },
  {
    name: 'an entry ends with its physical life',
    async run({ read, entry, write, store }) {
      const before = await read(store.one, { token: 'mine' })
      same((await write(entry(before), 'mine', undefined, 40)).outcome, 'written', 'outcome')
      await store.wait(100)
      same((await read()).entry, undefined, 'the entry')
    },
  },
  {
    name: 'a mebibyte and a hundred tags are kept',
    async run({ read, entry, write, store }) {
      const before = await read(store.one, { token: 'mine' })
      const tags = Array.from({ length: 100 }, (_, index) => `tag-${index}-${'x'.repeat(40)}`)
      const large = { ...entry(before, tags), body: new Uint8Array(2 ** 20).fill(7) }
      same((await write(large, 'mine')).outcome, 'written', 'outcome')
      const found = (await read(store.two)).entry
      same(found?.tags, tags, 'tags')
      same([found?.body?.length, found?.body?.every((byte) => byte === 7)], [2 ** 20, true], 'the body')
    },
  },
]
