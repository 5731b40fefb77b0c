import { optionInvalid } from '../errors/option-error.js'
import type { TokenUsage } from './wire-format.js'

/** US dollars for a million tokens of a model. */
export interface ModelPrice {
  readonly input: number
  readonly output: number
  /** Of prompt tokens the provider's prompt cache had. @defaultValue `input` */
  readonly cacheRead?: number
  /** Of prompt tokens written to the provider's prompt cache. @defaultValue `input` */
  readonly cacheWrite?: number
}

/** Prices by model. A dated model (`gpt-4o-2024-08-06`) has the price of its name, unless it has one of its own. */
export type PriceTable = Readonly<Record<string, ModelPrice>>

/** The day the default prices were last compared with copies of the providers' pages. */
export const DEFAULT_PRICES_AS_OF = '2026-11-22'

/**
 * List prices of common models: standard tier, short context. They change; give your own where money matters.
 */
export const defaultPrices: PriceTable = Object.freeze({
  ...priced('gpt-4o', 2.5, 1.25, 10),
  ...priced('gpt-4o-mini', 0.15, 0.075, 0.6),
  ...priced('gpt-4.1', 2, 0.5, 8),
  ...priced('gpt-4.1-mini', 0.4, 0.1, 1.6),
  ...priced('gpt-4.1-nano', 0.1, 0.025, 0.4),
  ...priced('o3', 2, 0.5, 8),
  ...priced('o4-mini', 1.1, 0.275, 4.4),
  ...priced('gpt-5', 1.25, 0.125, 10),
  ...priced('gpt-5-mini', 0.25, 0.025, 2),
  ...priced('gpt-5-nano', 0.05, 0.005, 0.4),
  ...priced('gpt-5.1', 1.25, 0.125, 10),
  ...priced('gpt-5.2', 1.75, 0.175, 14),
  ...priced('gpt-5.4', 2.5, 0.25, 15),
  ...priced('gpt-5.4-mini', 0.75, 0.075, 4.5),
  ...priced('gpt-5.4-nano', 0.2, 0.02, 1.25),
  ...priced('gpt-5.5', 5, 0.5, 30),
  ...written('gpt-5.6-sol', 4, 0.4, 20),
  ...written('gpt-5.6-terra', 2, 0.2, 12),
  ...written('gpt-5.6-luna', 0.2, 0.02, 1.2),
  ...written('gpt-6-astra', 10, 1, 50),
  ...written('gpt-6-sol', 2, 0.2, 10),
  ...written('gpt-6-luna', 0.1, 0.01, 0.5),
  ...written('gpt-6.1-sol', 2, 0.1, 10),
  ...written('gpt-6.1-terra', 1, 0.05, 5),
  ...written('gpt-6.2-sol', 2, 0.1, 10),
  ...priced('text-embedding-3-small', 0.02, 0.02, 0),
  ...priced('text-embedding-3-large', 0.13, 0.13, 0),
  ...priced('text-embedding-ada-002', 0.1, 0.1, 0),
  ...written('claude-haiku-4-5', 1, 0.1, 5),
  ...written('claude-haiku-5-5', 0.1, 0.01, 0.5),
  ...written('claude-sonnet-4', 3, 0.3, 15),
  ...written('claude-sonnet-4-5', 3, 0.3, 15),
  ...written('claude-sonnet-4-6', 3, 0.3, 15),
  ...written('claude-sonnet-5', 2, 0.2, 10),
  ...written('claude-sonnet-5-5', 2, 0.1, 10),
  ...written('claude-opus-4', 15, 1.5, 75),
  ...written('claude-opus-4-1', 15, 1.5, 75),
  ...written('claude-opus-4-5', 5, 0.5, 25),
  ...written('claude-opus-4-6', 5, 0.5, 25),
  ...written('claude-opus-4-7', 5, 0.5, 25),
  ...written('claude-opus-4-8', 5, 0.5, 25),
  ...written('claude-opus-5', 5, 0.5, 25),
  ...written('claude-opus-5-5', 4, 0.2, 20),
  ...written('claude-fable-5', 10, 1, 50),
  ...written('claude-fable-5-1', 10, 0.25, 50),
  ...priced('gemini-2.5-pro', 1.25, 0.125, 10),
  ...priced('gemini-2.5-flash', 0.3, 0.03, 2.5),
  ...priced('gemini-2.5-flash-lite', 0.1, 0.01, 0.4),
  ...priced('gemini-3.1-pro', 2, 0.2, 12),
  ...priced('gemini-3.5-flash', 1.5, 0.15, 9),
  ...priced('gemini-3.5-flash-lite', 0.3, 0.03, 2.5),
  ...priced('gemini-3.8-flash', 0.75, 0.075, 3.75),
})

/** A model whose provider asks nothing extra for writing to its prompt cache. */
function priced(model: string, input: number, cacheRead: number, output: number): PriceTable {
  return { [model]: Object.freeze({ input, output, cacheRead, cacheWrite: input }) }
}

/** A model whose provider asks a quarter more for what it writes to its prompt cache, for the shortest time it offers. */
function written(model: string, input: number, cacheRead: number, output: number): PriceTable {
  return { [model]: Object.freeze({ input, output, cacheRead, cacheWrite: input * 1.25 }) }
}

/** Checks a host's table. @throws {OptionError} `ERR_OPTION_INVALID` naming the model */
export function checkPrices(prices: PriceTable): void {
  if (typeof prices !== 'object' || prices === null) throw optionInvalid('prices', 'prices by model', prices)
  for (const [model, price] of Object.entries(prices)) {
    const { input, output, cacheRead = 0, cacheWrite = 0 } = (price ?? {}) as Partial<ModelPrice>
    if (
      ![input, output, cacheRead, cacheWrite].every((dollars) => Number.isFinite(dollars) && (dollars as number) >= 0)
    ) {
      throw optionInvalid(`prices['${model}']`, 'dollars for a million tokens, from 0', price)
    }
  }
}

/** The price of a model; that of its name without a date or the like, if it has none of its own. */
export function priceOf(model: string | undefined, prices: PriceTable): ModelPrice | undefined {
  if (model === undefined || model.length > MAX_NAME) return undefined
  // Routers put the provider in front.
  for (const name of [model, model.slice(model.lastIndexOf('/') + 1)]) {
    const exact = Object.hasOwn(prices, name) ? prices[name] : undefined
    if (exact !== undefined) return exact
    const undated = name.replace(DATE, '')
    if (Object.hasOwn(prices, undated)) return prices[undated]
  }
  return undefined
}
/** Longer than any name of a model: what an upstream calls one is not ours to trust. */
const MAX_NAME = 200
const DATE = /(?:-(?:\d{4}-\d{2}-\d{2}|\d{2}-(?:\d{4}|\d{2})|\d{8}|\d{3,4}|latest|preview))+$/

/** What tokens cost, in dollars. */
export function costOf(usage: TokenUsage, price: ModelPrice): number {
  const { input, output, cacheRead, cacheWrite } = usage
  const plain = Math.max(0, input - cacheRead - cacheWrite)
  const dollars =
    plain * price.input +
    cacheRead * (price.cacheRead ?? price.input) +
    cacheWrite * (price.cacheWrite ?? price.input) +
    output * price.output
  return dollars / 1_000_000
}
