import { describe, expect, it } from 'vitest'
import { deadlineFrom, deadlineHeaders } from '../../../src/resilience/deadline-header.js'

describe('the deadline of a request', () => {
  it.each([
    [{ 'x-deadline-ms': '1500' }, 1500],
    [{ 'x-deadline-ms': ' 0 ' }, 0],
    [{ 'grpc-timeout': '2S' }, 2000],
    [{ 'grpc-timeout': '1M' }, 60_000],
    [{ 'grpc-timeout': '250m' }, 250],
    [{ 'grpc-timeout': '900u' }, 0],
    [{ 'x-envoy-expected-rq-timeout-ms': '700' }, 700],
    [{ 'x-deadline-ms': '100', 'grpc-timeout': '9S' }, 100],
    [{ 'x-deadline-ms': ['300', '400'] }, 300],
    [new Headers({ 'X-Deadline-Ms': '1500' }), 1500],
  ])('is what is left, whoever says so: %o', (headers, ms) => {
    expect(deadlineFrom(headers)).toBe(ms)
  })

  it.each(['-1', '1e9', 'soon', '', '1.5', '99999999999999999999', '0x10', '1500ms', 'Infinity'])(
    'is not there where it is %o',
    (text) => {
      expect(deadlineFrom({ 'x-deadline-ms': text })).toBeUndefined()
      expect(deadlineFrom({ 'x-deadline-ms': text }, { max: '3s' })).toBe(3000)
    },
  )

  it('is no longer than we allow', () => {
    expect(deadlineFrom({ 'x-deadline-ms': '999999' }, { max: '30s' })).toBe(30_000)
    expect(deadlineFrom({ 'x-deadline-ms': '10' }, { max: '30s' })).toBe(10)
    expect(deadlineFrom({})).toBeUndefined()
  })

  it('is read from the header that is named, and from no other', () => {
    expect(deadlineFrom({ 'x-budget': '5', 'x-deadline-ms': '7' }, { header: 'X-Budget' })).toBe(5)
    expect(deadlineFrom({ 'x-deadline-ms': '7' }, { header: 'x-budget' })).toBeUndefined()
  })

  it('survives the way through a header, rounded down', () => {
    for (const header of ['x-deadline-ms', 'grpc-timeout', 'x-envoy-expected-rq-timeout-ms']) {
      expect(deadlineFrom(deadlineHeaders(1234.9, header))).toBe(1234)
      expect(deadlineFrom(deadlineHeaders(-5, header))).toBe(0)
    }
    expect(deadlineFrom(deadlineHeaders(200_000_500, 'grpc-timeout'))).toBe(200_000_000)
    expect(deadlineHeaders(Number.POSITIVE_INFINITY)).toEqual({})
    expect(deadlineHeaders(Number.NEGATIVE_INFINITY)).toEqual({ 'x-deadline-ms': '0' })
  })

  it('is a number', () => {
    expect(() => deadlineHeaders(Number.NaN)).toThrowError(/`remainingMs` to be a number of milliseconds, received NaN/)
  })

  it('needs the name of a header', () => {
    expect(() => deadlineHeaders(1, 'no header')).toThrowError(/the name of a header/)
    expect(() => deadlineFrom({}, { headers: 1 } as object)).toThrowError(/Did you mean `header`/)
  })
})
