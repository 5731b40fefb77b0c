import { describe, expect, it } from 'vitest'
import { ProviderMeter } from '../../../src/http/provider-meter.js'

const read = (meter: ProviderMeter, now: number) => meter.read('https://m', true, now)

describe('how a provider does', () => {
  it('is not known before its first call, nor a minute after its last', () => {
    const meter = new ProviderMeter()
    expect(read(meter, 0)).toMatchObject({ state: 'unknown', lastSuccessAgeMs: null, lastFailure: null })
    meter.succeeded(0, 10)
    expect(read(meter, 1000)).toMatchObject({ state: 'ready', lastSuccessAgeMs: 1000, calls: 1 })
    expect(read(meter, 61_000).state).toBe('unknown')
  })

  it('is degraded from a tenth of failures on', () => {
    const meter = new ProviderMeter()
    for (let call = 0; call < 10; call++) meter.succeeded(0, 1)
    meter.failed(0, 'failure', 'ERR_HTTP_STATUS', 503)
    expect(read(meter, 0).state).toBe('ready')
    meter.failed(0, 'failure', 'ERR_HTTP_STATUS', 503)
    meter.succeeded(0, 1)
    expect(read(meter, 5)).toMatchObject({
      state: 'degraded',
      failures: 2,
      lastFailure: { status: 503 },
      lastFailureAgeMs: 5,
    })
  })

  it('is down after three failures in a row, and up with the first success', () => {
    const meter = new ProviderMeter()
    for (let call = 0; call < 3; call++) meter.failed(0, 'failure', 'ERR_HTTP_CONNECTION', null)
    expect(read(meter, 0).state).toBe('down')
    meter.succeeded(0, 1)
    expect(read(meter, 0).state).toBe('degraded')
  })

  it('is up where it limits our rate', () => {
    const meter = new ProviderMeter()
    for (let call = 0; call < 5; call++) meter.failed(0, 'limited', 'ERR_HTTP_STATUS', 429)
    expect(read(meter, 0).state).toBe('degraded')
  })

  it('is unconfigured where it has no credentials', () => {
    expect(new ProviderMeter().read('https://m', false, 0).state).toBe('unconfigured')
  })
})
