import { expect, it } from 'vitest'
import { summaryOf } from '../../../src/llm/answer-summary.js'

it('reads the last usage that is whole, among few: a text of beginnings only is not read once for each of them', () => {
  const whole = '{"usage":{"prompt_tokens":9},'
  const begun = '"usage":{"x":'
  const usageOf = (text: string) => (summaryOf(text, text) as { readonly usage: unknown }).usage
  expect(usageOf(whole + begun.repeat(3))).toEqual({ prompt_tokens: 9 })
  expect(usageOf(whole + begun.repeat(8))).toBeUndefined()
})
