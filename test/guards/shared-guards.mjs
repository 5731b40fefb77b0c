const history = 'test/property/shared-history.test.ts'
const forced = 'test/unit/cache/shared-forced.test.ts'
const races = 'test/unit/cache/shared-races.test.ts'

/** Guards of the invalidation protocol over a shared store: a forced race or the history checker must notice when one is missing. */
export const sharedGuards = [
  {
    name: 'a message or an own write voids what is under way for its key',
    file: 'src/cache/supersede.ts',
    find: '  state.fills.void(id, but, written)\n',
    replace: '',
    tests: [history],
  },
  {
    name: 'delete drops memory again at its reply',
    file: 'src/cache/shared-write.ts',
    find: '  const reply = await send(ref)\n  drop()\n',
    replace: '  const reply = await send(ref)\n',
    tests: [forced],
  },
  {
    name: 'another incarnation starts an epoch',
    file: 'src/cache/link.ts',
    find: '    this.epoch++\n    // Guard `adoptDrops`',
    replace: '    // Guard `adoptDrops`',
    tests: [history],
  },
  {
    name: 'memory of another incarnation is never served',
    file: 'src/cache/link.ts',
    find: '    this.floor = this.epoch\n',
    replace: '',
    tests: [forced],
  },
  {
    name: 'a confirmed subscription starts an epoch',
    file: 'src/cache/link.ts',
    find: '  confirmed(): void {\n    this.epoch++\n',
    replace: '  confirmed(): void {\n',
    tests: [history],
  },
  {
    name: 'while deaf every hit is compared',
    file: 'src/cache/trust.ts',
    find: 'return link.deaf || shared.epoch',
    replace: 'return shared.epoch',
    tests: [history],
  },
  {
    name: 'an entry belongs to the epoch its flight began in',
    file: 'src/cache/shared-publish.ts',
    find: '    startSeq: entry.startSeq,\n    epoch: flight.epoch,',
    replace: '    startSeq: entry.startSeq,\n    epoch: tier.link.epoch,',
    tests: [races],
  },
  {
    name: 'promotion and hit compare the cells',
    file: 'src/cache/trust.ts',
    find: '  if (state.cells.storeHard > startSeq) return true\n  for (const cell of about.cells) if (cell.storeHard > startSeq) return true\n',
    replace: '',
    tests: [history],
  },
  {
    name: 'markers heard of during a flight are kept',
    file: 'src/cache/cells.ts',
    find: '  learn(tag: string, seq: number, mode: InvalidationMode, now: number): boolean {\n    if (!this.#byTag.has(tag) && this.inFlight === 0) return false',
    replace:
      '  learn(tag: string, seq: number, mode: InvalidationMode, now: number): boolean {\n    if (!this.#byTag.has(tag)) return false',
    tests: [history],
  },
  {
    name: 'cells are forgotten with their incarnation',
    file: 'src/cache/shared-tier.ts',
    find: 'state.cells.forgetStore()',
    replace: 'void state',
    tests: [forced],
  },
  {
    name: 'an unconfirmed value is kept only if nothing was invalidated',
    file: 'src/cache/shared-publish.ts',
    find: '  if (state.coherence.seq !== flight.bornAt) return false\n',
    replace: '',
    tests: [forced],
  },
  {
    name: 'what is owed is told first',
    file: 'src/cache/shared-tier.ts',
    find: '    if (!this.link.away) return this.#within(command)\n',
    replace: '    if (!this.#closed) return this.#within(command)\n',
    tests: [history],
  },
  {
    name: 'an unanswered delete or set is owed',
    file: 'src/cache/shared-write.ts',
    find: "  tier.owe({ kind: 'key', ...ref })\n",
    replace: '',
    tests: [history],
  },
  {
    name: 'an unanswered invalidation is owed',
    file: 'src/cache/shared-write.ts',
    find: "    tier.owe({ kind: 'names', names, mode })\n",
    replace: '',
    tests: [history],
  },
  {
    name: 'a void flight that read the store drops memory',
    file: 'src/cache/shared-load.ts',
    find: 'if (fill.void && fill.voidedBy !== entry.id) state.memory.delete(id)\n  else place',
    replace: 'if (!(fill.void && fill.voidedBy !== entry.id)) place',
    tests: [races],
  },
  {
    name: 'an answered flight overtakes earlier ones',
    file: 'src/cache/shared-load.ts',
    find: '  state.fills.overtake(id, flight.fill)\n  return found',
    replace: '  return found',
    tests: [races],
  },
  {
    name: 'late joiners read again',
    file: 'src/cache/join.ts',
    find: '  if (load.generation === state.coherence.generation) return joined.then((value) => handOut(load, value))\n  return joined.then(async',
    replace:
      '  if (load.startedAt >= 0) return joined.then((value) => handOut(load, value))\n  return joined.then(async',
    tests: [history],
  },
  {
    name: 'a void flight keeps nothing after its write',
    file: 'src/cache/shared-publish.ts',
    find: '  if (!flight.fill.void) confirmWrite(',
    replace: '  if (flight !== undefined) confirmWrite(',
    tests: [history],
  },
  {
    name: 'an unconfirmed value ends with its outage',
    file: 'src/cache/trust.ts',
    find: "return link.away && shared.outage === link.outage ? 'serve' : 'drop'",
    replace: "return 'serve'",
    tests: [history],
  },
  {
    name: 'news of a marker makes every hit think again',
    file: 'src/cache/learn-name.ts',
    find: '  state.coherence.generation++\n',
    replace: '',
    tests: [races],
  },
]
