import { expect, it } from 'vitest'
import { answerJson } from '../../../src/http/answer-json.js'

it('reads JSON behind a byte order mark, which some platforms write', () => {
  const body = Buffer.from('\uFEFF{"text":"\uFEFFa"}')
  const headers = { 'content-type': 'application/json; charset=utf-8' }
  expect(answerJson({ status: 200, headers, body, stream: undefined }, 'scores', 'GET')).toEqual({ text: '\uFEFFa' })
})
