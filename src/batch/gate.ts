import type { Clock, TimerHandle } from '../runtime/clock.js'

/** A read of the shared store says within this time whether its task is missing; what others are loading may take longer. */
const MAX_HELD_MS = 100

/** Gathers questions until it is known which tasks have to be asked about, then lets them through together. */
export class Gate<Q> {
  readonly #clock: Clock
  readonly #answer: (questions: readonly Q[]) => Promise<void>
  #waiting: { readonly questions: Q[]; readonly done: Promise<void>; readonly open: () => void } | undefined
  #held = 0
  #timer: { readonly handle: TimerHandle } | undefined

  /** @param answer Must not reject. */
  constructor(clock: Clock, answer: (questions: readonly Q[]) => Promise<void>) {
    this.#clock = clock
    this.#answer = answer
  }

  /** Keeps the gate shut until the returned function is called; further calls of that do nothing. */
  hold(): () => void {
    this.#held++
    let holding = true
    return () => {
      if (!holding) return
      holding = false
      this.#held--
      if (this.#held === 0) this.#open()
    }
  }

  /** Resolves when the question was asked about, with or without an answer. */
  ask(question: Q): Promise<void> {
    if (this.#waiting === undefined) {
      let open = (): void => {}
      const opened = new Promise<void>((resolve) => {
        open = resolve
      })
      const questions: Q[] = []
      this.#waiting = { questions, done: opened.then(() => this.#answer(questions)), open }
      if (this.#held === 0) queueMicrotask(() => this.#open())
      else this.#openLater()
    }
    this.#waiting.questions.push(question)
    return this.#waiting.done
  }

  #openLater(): void {
    const onDue = (): void => {
      this.#timer = undefined
      this.#open()
    }
    this.#timer = { handle: this.#clock.setTimer(onDue, MAX_HELD_MS, true) }
  }

  #open(): void {
    if (this.#timer !== undefined) this.#clock.clearTimer(this.#timer.handle)
    this.#timer = undefined
    this.#waiting?.open()
    this.#waiting = undefined
  }
}
