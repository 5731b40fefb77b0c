import { describe, expect, it } from 'vitest'
import { createPool } from '../../../src/http/index.js'
import { NUMBER, notRefused, options, type Taker } from '../../support/bad-arguments.js'

const baseUrl = 'http://127.0.0.1:1'
const inModule = (given: object) => createPool().module({ baseUrl, ...given } as never)

const TAKERS: readonly Taker[] = [
  ['createPool', (value) => createPool(value), ['undefined', 'object']],
  ...options('createPool', createPool, {
    size: NUMBER,
    keepAlive: NUMBER,
    maxKeepAlive: NUMBER,
    timeouts: ['undefined', 'object'],
    deadlineHeader: ['undefined', 'null', 'text'],
    maxAnswerBytes: NUMBER,
    tls: ['undefined', 'list', 'object', 'list of null', 'odd object'],
    clock: ['undefined'],
  }),
  ['a module', (value) => createPool().module(value), []],
  ...options('a module', inModule, {
    name: ['undefined', 'text'],
    baseUrl: [],
    auth: ['undefined', 'text', 'function'],
    headers: ['undefined', 'object'],
    timeouts: ['undefined', 'object'],
    deadlineHeader: ['undefined', 'text'],
    maxAnswerBytes: NUMBER,
    input: ['undefined'],
    output: ['undefined'],
  }),
  ['the path of a call', (value) => inModule({}).get(value), ['text', 'no text']],
  ['the options of a call', (value) => inModule({}).get('/a', value), ['undefined', 'object']],
  ['the grace of a close', (value) => createPool().close({ grace: value }), NUMBER],
]

describe('what is no argument', () => {
  it.each(TAKERS)('is refused with a code and a reason as %s', async (_, takes, fine) => {
    expect(await notRefused(takes, fine)).toEqual([])
  })
})
