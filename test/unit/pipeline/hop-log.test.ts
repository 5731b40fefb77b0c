import { describe, expect, it } from 'vitest'
import type { Logger } from '../../../src/pipeline/hop-context.js'
import { pipeline } from '../../../src/pipeline/pipeline.js'

const logging = (logger: Logger) =>
  pipeline<number>('p', { logger })
    .hop('a', {
      run: (_values, { log }) => {
        log.info('begun', { size: 1 })
        log.error('odd')
        return 1
      },
    })
    .assemble(({ a }) => a)

describe('a logger', () => {
  it('gets level, message and fields with pipeline, run and hop', async () => {
    const seen: unknown[] = []
    await logging((...entry) => void seen.push(entry)).run(1)
    expect(seen).toEqual([
      ['info', 'begun', expect.objectContaining({ pipeline: 'p', hop: 'a', size: 1 })],
      ['error', 'odd', expect.objectContaining({ pipeline: 'p', hop: 'a' })],
    ])
  })

  it('that throws, or rejects, fails no hop and leaves no rejection unhandled', async () => {
    const unhandled: unknown[] = []
    const listener = (reason: unknown): void => void unhandled.push(reason)
    process.on('unhandledRejection', listener)
    const loggers: Logger[] = [
      () => {
        throw new Error('disk full')
      },
      (() => Promise.reject(new Error('disk full'))) as unknown as Logger,
    ]
    for (const logger of loggers) expect(await logging(logger).run(1)).toMatchObject({ status: 'ok', output: 1 })
    await new Promise((resolve) => setImmediate(resolve))
    process.off('unhandledRejection', listener)
    expect(unhandled).toEqual([])
  })

  it('that is no function is refused', () => {
    expect(() => logging({} as Logger)).toThrow('Expected `logger` to be a function')
  })
})

describe('options of a pipeline that cannot be used', () => {
  it('a deadline of 0 is refused: every run would be over before it began', () => {
    expect(() => pipeline('p', { deadline: 0 })).toThrow(/^Expected `deadline` to be a duration longer than 0/)
  })

  it('a number as retry says where and what to write', () => {
    const make = () =>
      pipeline<number>('p')
        .hop('a', { run: () => 1, retry: 3 as unknown as false })
        .assemble(({ a }) => a)
    expect(make).toThrow(/retry` to be an object, or false, received 3\. Write `\{ attempts: 3 \}`/)
  })
})
