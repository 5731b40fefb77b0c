import { holds, NAMESPACE, same, type Trial } from './contract-trial.js'

/** What a store promises about its incarnations and about what peers are told. */
export const LIFE_TRIALS: readonly Trial[] = [
  {
    name: 'a store that lost its counter lives on as another incarnation, in which nothing of the old one is valid',
    needs: 'evict',
    async run({ load, evict, read, isUsable, write, entry, store }) {
      const { before } = await load()
      await evict('control')
      const reply = await read(store.one, { token: 'mine' })
      holds(reply.inc !== before.inc, 'another incarnation')
      holds(!(await isUsable()), 'the entry is valid no more')
      same((await write(entry(before), 'mine')).outcome, 'dead', 'a load of the old life')
      same((await write(entry(reply), 'mine')).outcome, 'written', 'a load of the new life')
      holds(await isUsable(), 'the new entry is valid')
    },
  },
  {
    name: 'a store that was emptied stores and finds new entries',
    needs: 'empty',
    async run({ load, read, isUsable, store }) {
      const { before } = await load(['red'])
      await store.empty?.()
      const reply = await read()
      same(reply.entry, undefined, 'the entry')
      holds(reply.inc !== before.inc, 'another incarnation')
      same((await load(['red'])).written.outcome, 'written', 'outcome')
      holds(await isUsable(), 'the entry is valid')
    },
  },
  {
    name: 'peers are told of keys by digest and of names with their number, the sender is not',
    async run({ listen, until, settle, store, ref, set, bump }) {
      const { frames } = await listen()
      const { inc } = await settle(store.one.kill(ref))
      await set(store.one)
      await settle(store.one.expire(ref))
      const { seq } = await bump(['t//ta|g:1', 'n/x'], 'expire')
      await settle(store.two.kill(ref))
      await until(() => frames.length >= 4)
      const key = { kind: 'key', inc, namespace: NAMESPACE, digest: ref.digest }
      const names = { kind: 'names', inc, seq, names: ['t//ta|g:1', 'n/x'], mode: 'expire' }
      // A store may say which entry a set wrote.
      const told = frames.map((frame) => (frame.kind === 'key' ? { ...frame, id: undefined } : frame))
      same(told.map(plain), [key, key, key, names].map(plain), 'messages')
    },
  },
  {
    name: 'peers are told nothing of reads, tokens, fenced writes and late sets',
    async run({ listen, load, set, store, settle, ref }) {
      const { frames } = await listen()
      const { before } = await load()
      await settle(store.one.token(ref.key, 'mine', 60_000))
      await set(store.one, [], before.nowMs - 1)
      await store.wait(200)
      same(frames, [], 'messages')
    },
  },
  {
    name: 'a subscription is confirmed when it is in place',
    async run({ listen }) {
      same((await listen()).events, ['confirmed'], 'what the listener was told')
    },
  },
  {
    name: 'a lost subscription is told, and what was said meanwhile does not come after the confirmation',
    needs: 'bus',
    async run({ listen, until, settle, store, ref }) {
      const heard = await listen()
      await store.cutBus?.()
      await until(() => heard.events.length >= 2)
      same(heard.events, ['confirmed', 'lost'], 'what the listener was told')
      await settle(store.one.kill(ref))
      await store.healBus?.()
      await until(() => heard.events.at(-1) === 'confirmed')
      same(heard.events.at(-1), 'confirmed', 'what the listener was told last')
      same(heard.frames, [], 'messages of the gap')
      await settle(store.one.kill(ref))
      await until(() => heard.frames.length > 0)
      same(heard.frames.length, 1, 'messages after the gap')
    },
  },
]

/** Only what the contract names, in one order. */
function plain(frame: object): unknown[] {
  return Object.entries(frame)
    .filter(([, value]) => value !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
}
