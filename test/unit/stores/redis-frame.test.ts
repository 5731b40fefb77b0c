import { describe, expect, it } from 'vitest'
import { keyPayload, namesPayload, readFrame } from '../../../src/stores/redis-frame.js'

describe('a frame', () => {
  it('comes back as it was sent, whatever a tag or a namespace holds', () => {
    const names = ['*', 'n/a|b', 't//3:x', 't/n/\u0000|\n', 't/n/ü😀', 't//']
    expect(readFrame(`1|inc.0|7|9|me|names|expire|${namesPayload(names)}`)).toEqual({
      envelope: {
        inc: 'inc.0',
        n: 7,
        sender: 'me',
        frame: { kind: 'names', inc: 'inc.0', seq: 9, names, mode: 'expire' },
      },
    })
    expect(readFrame(`1|inc.0|7|9|me|key|${keyPayload('a|1:b', 'digest')}`)).toEqual({
      envelope: {
        inc: 'inc.0',
        n: 7,
        sender: 'me',
        frame: { kind: 'key', inc: 'inc.0', namespace: 'a|1:b', digest: 'digest' },
      },
    })
    expect(readFrame(`1|inc.0|7|9|me|key|${keyPayload('a', 'digest', 'entry')}4:more`)).toMatchObject({
      envelope: { frame: { kind: 'key', namespace: 'a', digest: 'digest', id: 'entry' } },
    })
    expect(readFrame(`1|-|0|0|me|alone|${keyPayload('a', 'digest')}`)).toMatchObject({
      envelope: { frame: { kind: 'done', namespace: 'a', digest: 'digest', next: 'alone' } },
    })
    expect(readFrame('1|inc.0|7|9|me|beat|')).toEqual({
      envelope: { inc: 'inc.0', n: 7, sender: 'me', frame: undefined },
    })
  })

  it.each([
    '',
    'x',
    '1',
    '1|i|1|1|s',
    '1||1|1|s|beat|',
    '1|i|-1|1|s|beat|',
    '1|i|1e3|1|s|beat|',
    '1|i|1|1||beat|',
    '1|i|1|1|s|other|',
    '1|i|1|1|s|key|',
    '1|i|1|1|s|key|3:ab',
    '1|i|1|1|s|key|1:a',
    '1|i|1|1|s|done|1:a',
    '1|i|1|1|s|names|delete|',
    '1|i|1|1|s|names|other|1:a',
    '1|i|1|1|s|names|delete|99999999999999999:a',
    '{"v":1}',
  ])('is ignored when it is malformed: %j', (text) => {
    expect(readFrame(text)).toEqual({ ignored: 'malformed' })
  })

  it('of another version is told apart from nonsense', () => {
    expect(readFrame('2|i|1|1|s|key|whatever')).toEqual({ ignored: 'version' })
  })
})
