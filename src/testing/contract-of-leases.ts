import { holds, same, type Trial, type TrialStore } from './contract-trial.js'

/** What a store with leases promises about them. A store without any passes: processes then load for themselves. */
export const LEASE_TRIALS: readonly Trial[] = [
  {
    name: 'a lease is one loader’s alone, and lapses unless it is renewed',
    async run(trial) {
      const { store, settle } = trial
      if (!hasLeases(trial)) return
      same((await ask(trial, 'mine', 1000)).outcome, 'yours', 'the first')
      const second = await ask(trial, 'yours', 1000, store.two)
      same([second.outcome, second.outcome === 'held' && second.token], ['held', 'mine'], 'the second')
      holds(second.outcome === 'held' && second.leftMs > 0 && second.leftMs <= 1000, 'what is left of it')
      same(await settle(renewed(trial, 'mine', 60_000)), true, 'renewed by its leader')
      same(await settle(renewed(trial, 'yours', 60_000)), false, 'renewed by another')
      await store.wait(1100)
      same((await ask(trial, 'yours', 100, store.two)).outcome, 'held', 'after its first life')
      same(await settle(renewed(trial, 'mine', 50)), true, 'renewed for a short while')
      await store.wait(150)
      same(await settle(renewed(trial, 'mine', 50)), false, 'renewed after the lapse')
      same((await ask(trial, 'yours', 60_000, store.two)).outcome, 'yours', 'the second after the lapse')
    },
  },
  {
    name: 'a lease is refused to who has not seen the key’s entry as it is',
    async run(trial) {
      if (!hasLeases(trial)) return
      const { entry } = await trial.load(['red'])
      same((await ask(trial, 'mine', 60_000)).outcome, 'changed', 'who saw nothing')
      same(
        (await ask(trial, 'mine', 60_000, undefined, { id: 'another-entry-01' })).outcome,
        'changed',
        'who saw another',
      )
      same((await ask(trial, 'mine', 60_000, undefined, { id: entry.id })).outcome, 'yours', 'who saw it')
      same((await ask(trial, 'other', 60_000, undefined, 'any')).outcome, 'held', 'who does not compare')
    },
  },
  {
    name: 'a lease fences: the write of who has lost it is refused, and a write uses it up and tells followers',
    async run(trial) {
      if (!hasLeases(trial)) return
      const { store, settle, ref, read, entry, listen, until } = trial
      const { frames } = await listen()
      const before = await read()
      await ask(trial, 'mine', 60)
      await store.wait(150)
      await ask(trial, 'yours', 60_000, store.two)
      same((await trial.write(entry(before), 'mine')).outcome, 'refused', 'the write of the first')
      const written = {
        ...ref,
        token: 'yours',
        entry: entry(before),
        lifeMs: 60_000,
        notAfterMs: before.nowMs + 60_000,
      }
      same((await settle(store.one.write({ ...written, tells: 'done' }))).outcome, 'written', 'the write of the second')
      await until(() => frames.length > 0)
      same(frames.map(told), [['done', ref.digest, 'lead']], 'messages')
    },
  },
  {
    name: 'a lease that is given back is free, and followers hear whether it is of use to wait for the next one',
    async run(trial) {
      if (!hasLeases(trial)) return
      const { store, settle, ref, listen, until } = trial
      const { frames } = await listen()
      for (const next of ['lead', 'alone'] as const) {
        await ask(trial, 'mine', 60_000)
        same(
          await settle(store.one.release?.({ ...ref, token: 'other', next }) as Promise<boolean>),
          false,
          'by another',
        )
        same(
          await settle(store.one.release?.({ ...ref, token: 'mine', next }) as Promise<boolean>),
          true,
          'by its leader',
        )
      }
      await until(() => frames.length >= 2)
      same(
        frames.map(told),
        [
          ['done', ref.digest, 'lead'],
          ['done', ref.digest, 'alone'],
        ],
        'messages',
      )
      same((await ask(trial, 'yours', 60_000)).outcome, 'yours', 'the next one')
    },
  },
]

function hasLeases({ store: { one } }: TrialStore): boolean {
  return one.lease !== undefined && one.renew !== undefined && one.release !== undefined
}

function ask(
  { store, settle, ref }: TrialStore,
  token: string,
  lifeMs: number,
  from = store.one,
  seen: { readonly id: string | undefined } | 'any' = { id: undefined },
) {
  return settle(from.lease?.({ ...ref, token, lifeMs, seen }) as ReturnType<NonNullable<typeof from.lease>>)
}

function renewed({ store, ref }: TrialStore, token: string, lifeMs: number): Promise<boolean> {
  return store.one.renew?.(ref.key, token, lifeMs) as Promise<boolean>
}

function told(frame: object): unknown[] {
  const { kind, digest, next } = frame as { kind?: unknown; digest?: unknown; next?: unknown }
  return [kind, digest, next]
}
