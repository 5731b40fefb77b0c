const leases = 'test/unit/cache/shared-lease.test.ts'
const forced = 'test/unit/cache/shared-forced.test.ts'

/** Guards of loads that lead and follow over a shared store: each has a test that fails when it is missing. */
export const leaseGuards = [
  {
    name: 'a leader renews its lease while the loader lives',
    file: 'src/cache/shared-lease.ts',
    find: '        else held.timer = beat()\n',
    replace: '        else void beat\n',
    tests: [leases],
  },
  {
    name: 'followers wait no longer than the lease they saw',
    file: 'src/cache/shared-lease.ts',
    find: "      timer = this.#clock.setTimer(() => wake('lapse'), waitMs, keepsAlive)\n",
    replace: '      timer = this.#clock.setTimer(() => {}, waitMs, keepsAlive)\n',
    tests: [leases],
  },
  {
    name: 'followers are woken by the message that the load is done',
    file: 'src/cache/shared-lease.ts',
    find: '    for (const wake of this.#waiting.get(idOf(ref)) ?? []) wake(why)\n',
    replace: '    void [ref, why]\n',
    tests: [leases],
  },
  {
    name: 'followers read again before they lead',
    file: 'src/cache/shared-lease.ts',
    find: "    if (reply?.outcome === 'changed') {\n      pursuit.changes++\n      return 'again'\n    }\n",
    replace: "    if (reply?.outcome === 'changed') return 'load'\n",
    tests: [forced],
  },
  {
    name: 'a leader with nothing to share lets its followers go side by side',
    file: 'src/cache/shared-lease.ts',
    find: "    pursuit.alone = (await following.woken(reply.leftMs, pursuit.keepsAlive())) === 'alone'\n",
    replace: '    await following.woken(reply.leftMs, pursuit.keepsAlive())\n',
    tests: [leases],
  },
  {
    name: 'a lease is given back at close',
    file: 'src/cache/shared-lease.ts',
    find: "    const returned = [...this.#held.keys()].map((token) => this.release(token, 'lead'))\n",
    replace: '    const returned = []\n',
    tests: [leases],
  },
  {
    name: 'nobody waits for a lease while the store is away',
    file: 'src/cache/shared-lease.ts',
    find: "    for (const wakes of this.#waiting.values()) for (const wake of wakes) wake('lapse')\n",
    replace: '',
    tests: [leases],
  },
  {
    name: 'nobody waits for a token that is no lease',
    file: 'src/cache/shared-lease.ts',
    find: 'if (pursuit.alone || reply.leftMs > LEASE_MS) {',
    replace: 'if (pursuit.alone) {',
    tests: [leases],
  },
]
