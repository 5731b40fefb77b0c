import { startRedis } from './support/redis-server.ts'
import { createRedisStore } from '../src/stores/redis.ts'
import { createClient } from '@keyv/redis'
const server = await startRedis()
const store = createRedisStore({ redis: server.url, timeout: 5000 })
await store.ready()
const raw = createClient({ url: server.url }); await raw.connect()
const stat = async (label: string, f: () => Promise<unknown>, n = 10000) => {
  for (let i = 0; i < 2000; i++) await f()
  await server.command('CONFIG', 'RESETSTAT')
  const t = performance.now()
  for (let i = 0; i < n; i += 50) await Promise.all(Array.from({ length: 50 }, f))
  const wall = (performance.now() - t) / n * 1000
  const one: number[] = []
  for (let i = 0; i < 2000; i++) { const a = performance.now(); await f(); one.push((performance.now() - a) * 1000) }
  one.sort((a, b) => a - b)
  const s = String(await server.command('INFO', 'commandstats')).split('\r\n').filter(l => /evalsha/.test(l)).map(l => l.replace(/cmdstat_(\w+):calls=(\d+).*usec_per_call=([\d.]+).*/, '$1 $3us')).join(' ')
  console.log(label.padEnd(22), '50 in flight', wall.toFixed(1), 'us/op | one at a time p50', one[1000]!.toFixed(0), 'p99', one[1980]!.toFixed(0), '|', s)
}
const r = await store.ping()
for (const tags of [[], ['a', 'b', 'c']]) for (const size of [1000, 20000]) {
  const ref = { key: 'hopstash:a:v1:p' + tags.length, namespace: 'a', digest: 'dddd' }
  const entry = { id: 'abcdefghijklmnop', inc: '', startSeq: 0, tags, storedAtMs: r.nowMs, freshUntilMs: r.nowMs + 1e6, staleForMs: 0, errorForMs: 0, loadMs: 3, body: Buffer.alloc(size, 'a') }
  await store.set({ ...ref, entry, lifeMs: 1e6, notAfterMs: Number.MAX_SAFE_INTEGER })
  await stat(`read ${tags.length} tags ${size}`, () => store.read(ref))
  await stat(`known ${tags.length} tags ${size}`, () => store.read({ ...ref, knownId: entry.id }))
}
await stat('miss', () => store.read({ key: 'none', namespace: 'a', digest: 'd', token: 'x' }))
await raw.set('x', Buffer.alloc(1000, 'a'))
await stat('raw get 1000', () => raw.withTypeMapping({36: Buffer} as never).get('x'))
await store.close(); raw.destroy(); await server.stop()
