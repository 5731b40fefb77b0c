import type { ReadStatus } from '../cache/words.js'
import type { LlmCall } from './llm-call.js'
import { costOf, type PriceTable, priceOf } from './prices.js'
import type { TokenUsage, Unstorable, WireFormatName } from './wire-format.js'

/** Tokens and money, in dollars, of a number of calls. */
export interface Spending extends TokenUsage {
  readonly calls: number
  readonly money: number
}

/** What calls would have cost, what was paid for them, and the difference. */
export interface Account {
  /** As if every call had gone to the model. */
  readonly original: Spending
  /** What did go there, net of the provider's own prompt caching; of an answer that broke off, what it had told until then. */
  readonly billed: Spending
  readonly saved: Spending
}

/** What one `cachedFetch` did so far. */
export interface LlmStats extends Account {
  readonly hits: number
  readonly stale: number
  /** Calls that shared another's upstream call. */
  readonly joined: number
  /** Calls that went to the model. */
  readonly misses: number
  /** Requests that passed through untouched: of no known format, or of a body that makes no key. */
  readonly passed: number
  /** Answers that were handed out but not stored, by reason. */
  readonly unstored: Readonly<Partial<Record<Unstorable, number>>>
  /** Answers that told no tokens, such as a stream without `stream_options.include_usage`, or one that broke off before. */
  readonly withoutUsage: number
  /** Answers of models without a price: their tokens count, their money does not. */
  readonly withoutPrice: number
  /** The same by model, of at most 200; further ones count as `(other)`. */
  readonly models: Readonly<Record<string, Account>>
}

/** What became of one call; for logs and metrics. Never a prompt, an answer or a key. */
export interface LlmAnswer {
  readonly format: WireFormatName
  readonly model: string | undefined
  readonly status: ReadStatus
  /** Age of what was replayed; 0 for what the model just said. */
  readonly ageMs: number
  /** Why the answer was not stored. */
  readonly unstored: Unstorable | undefined
  /** Tokens and money: `undefined` where the answer told no tokens. */
  readonly original: Spending | undefined
  readonly billed: Spending | undefined
  readonly saved: Spending | undefined
}

/** One call to account for. */
export interface AccountItem {
  readonly format: WireFormatName
  readonly model: string | undefined
  readonly status: ReadStatus
  readonly ageMs: number
  readonly unstored?: Unstorable | undefined
  readonly usage: TokenUsage | undefined
  /** What of `usage` went to the model. @defaultValue all of it for a call that did, else nothing */
  readonly paid?: TokenUsage | undefined
  readonly call: LlmCall
  readonly finish?: readonly string[] | undefined
  readonly httpStatus?: number | undefined
  readonly failure?: string | undefined
}

const NO_TOKENS: TokenUsage = Object.freeze({ input: 0, output: 0, cacheRead: 0, cacheWrite: 0 })
const NOTHING: Spending = Object.freeze({ ...NO_TOKENS, calls: 0, money: 0 })
/** Unless a good status had come before. */
const BROUGHT_NOTHING: ReadonlySet<Unstorable> = new Set(['status', 'network', 'aborted'])
const MAX_MODELS = 200
const MAX_NAME = 200
const OTHER = '(other)'

/** The books of one `cachedFetch`. */
export class Accounts {
  readonly #prices: PriceTable
  readonly #counts = { hits: 0, stale: 0, joined: 0, misses: 0, passed: 0, withoutUsage: 0, withoutPrice: 0 }
  readonly #unstored = new Map<Unstorable, number>()
  readonly #models = new Map<string, Account>()
  #all: Account = emptyAccount()

  constructor(prices: PriceTable) {
    this.#prices = prices
  }

  /** A request that the cache left alone. */
  pass(): void {
    this.#counts.passed++
  }

  /** What tokens of a model cost; `undefined` without a price. */
  moneyOf(model: string | undefined, usage: TokenUsage): number | undefined {
    const price = priceOf(model, this.#prices)
    return price && costOf(usage, price)
  }

  /** Enters one call, and tells what became of it. */
  enter(item: AccountItem): LlmAnswer {
    const { format, model, status, ageMs, unstored, usage } = item
    this.#count(status)
    // Answers are counted, not those who shared one.
    if (unstored !== undefined && !isSpared(status)) {
      this.#unstored.set(unstored, (this.#unstored.get(unstored) ?? 0) + 1)
    }
    const wentUpstream = !isSpared(status)
    // Of an answer in parts, of which one told no tokens, at least what was paid for the others.
    const tokens = usage ?? item.paid ?? NO_TOKENS
    const paid = item.paid ?? (wentUpstream ? tokens : undefined)
    const original = this.#spend(model, tokens, 1)
    const billed = paid === undefined ? NOTHING : this.#spend(model, paid, wentUpstream ? 1 : 0)
    const saved = minus(original, billed)
    this.#add(model ?? OTHER, { original, billed, saved })
    const told = { format, model, status, ageMs, unstored }
    if (usage !== undefined) {
      if (priceOf(model, this.#prices) === undefined) this.#counts.withoutPrice++
      return { original, billed, saved, ...told }
    }
    // Its calls count, its tokens are nobody's knowledge.
    if (unstored === undefined || !BROUGHT_NOTHING.has(unstored) || item.httpStatus === 200) this.#counts.withoutUsage++
    return { original: undefined, billed: undefined, saved: undefined, ...told }
  }

  stats(): LlmStats {
    return {
      ...this.#counts,
      ...this.#all,
      unstored: Object.fromEntries(this.#unstored),
      models: Object.fromEntries(this.#models),
    }
  }

  #count(status: ReadStatus): void {
    if (status === 'hit') this.#counts.hits++
    else if (status === 'stale') this.#counts.stale++
    else if (status === 'coalesced') this.#counts.joined++
    else this.#counts.misses++
  }

  #spend(model: string | undefined, { input, output, cacheRead, cacheWrite }: TokenUsage, calls: number): Spending {
    const money = this.moneyOf(model, { input, output, cacheRead, cacheWrite }) ?? 0
    return { calls, input, output, cacheRead, cacheWrite, money }
  }

  #add(model: string, account: Account): void {
    this.#all = plusAccount(this.#all, account)
    const isNamed = this.#models.has(model) || (this.#models.size < MAX_MODELS && model.length <= MAX_NAME)
    const name = isNamed ? model : OTHER
    this.#models.set(name, plusAccount(this.#models.get(name) ?? emptyAccount(), account))
  }
}

// The status of a call that somebody else's, or an earlier one, answered.
function isSpared(status: ReadStatus): boolean {
  return status === 'hit' || status === 'stale' || status === 'coalesced'
}

function emptyAccount(): Account {
  return { original: NOTHING, billed: NOTHING, saved: NOTHING }
}

function plusAccount(a: Account, b: Account): Account {
  return {
    original: plus(a.original, b.original, 1),
    billed: plus(a.billed, b.billed, 1),
    saved: plus(a.saved, b.saved, 1),
  }
}

function minus(a: Spending, b: Spending): Spending {
  return plus(a, b, -1)
}

function plus(a: Spending, b: Spending, sign: 1 | -1): Spending {
  return {
    calls: a.calls + sign * b.calls,
    input: a.input + sign * b.input,
    output: a.output + sign * b.output,
    cacheRead: a.cacheRead + sign * b.cacheRead,
    cacheWrite: a.cacheWrite + sign * b.cacheWrite,
    money: a.money + sign * b.money,
  }
}
