import { beforeAll, describe, expect, it } from 'vitest'
import { type Measured, measureConnections, measureWays } from '../../examples/auto-fix/measure.js'

describe('six fixes to one resume', () => {
  let ways: readonly Measured[] = []
  beforeAll(async () => {
    ways = await measureWays({ latencyFactor: 0 })
  })

  it('take six calls one by one, three combined, and none again', () => {
    expect(ways.map(({ name, calls }) => [name, calls])).toEqual([
      ['one by one', 6],
      ['at once', 5],
      ['combined', 3],
      ['again', 0],
    ])
  })

  it('read the database as often as there is something new in it', () => {
    expect(ways.map(({ queries }) => queries)).toEqual([18, 4, 4, 0])
  })

  it('get the same answer to each task however it was asked, and so the same resume, page and document', () => {
    const [naive, ...others] = ways
    expect(Object.keys(naive!.answers)).toHaveLength(6)
    expect(naive!.answers.summary).toBe(naive!.answers['summary-again'])
    expect(naive!.resume.basics).toMatchObject({ pitch: naive!.answers.pitch, summary: naive!.answers.summary })
    for (const { answers, resume, html, pdf } of others) {
      expect(answers).toEqual(naive!.answers)
      expect(resume).toEqual(naive!.resume)
      expect(html).toBe(naive!.html)
      expect(Buffer.compare(pdf, naive!.pdf)).toBe(0)
    }
  })

  it('cost nothing again, and less than one by one in between', () => {
    const usd = ways.map((way) => way.usd)
    expect(usd[3]).toBe(0)
    expect(Math.max(usd[1]!, usd[2]!)).toBeLessThan(usd[0]!)
  })
})

it('the pool opens no more connections than it may, where a connection a call opens one each', async () => {
  const [each, pool] = await measureConnections({ calls: 60, atOnce: 20, answerMs: 1 })
  expect(each!.sockets).toBe(60)
  expect(pool!.sockets).toBeLessThanOrEqual(10)
})
