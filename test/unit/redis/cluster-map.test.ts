import { describe, expect, it } from 'vitest'
import { readClusterMap, redirectionIn } from '../../../src/redis/cluster-map.js'

describe('where a Cluster sends a command on to', () => {
  it.each([
    ['MOVED 3999 127.0.0.1:6381', { kind: 'MOVED', host: '127.0.0.1', port: 6381 }],
    ['ASK 3999 cache.example:6381', { kind: 'ASK', host: 'cache.example', port: 6381 }],
    ['MOVED 3999 ::1:6381', { kind: 'MOVED', host: '::1', port: 6381 }],
    // Of nodes that announce no endpoint, and of those that are to announce a name and have none.
    ['MOVED 3999 :6381', { kind: 'MOVED', host: undefined, port: 6381 }],
    ['ASK 3999 ?:6381', { kind: 'ASK', host: undefined, port: 6381 }],
    ['ERR MOVED 1 a:1', undefined],
  ])('%s', (message, redirection) => {
    expect(redirectionIn(new Error(message))).toEqual(redirection)
  })

  it.each([null, '', '?'])('a node that announces %j is where it was asked', (announced) => {
    const slots = [[0, 16_383, [announced, 7000, 'id', []]]]
    const map = readClusterMap(slots, { host: 'seed', port: 1 }, (address) => address)
    expect(map.ownerOf(1)).toBe('seed:7000')
  })
})
