/** Tells an observer. Its mistake is its own, whether it throws or, being asynchronous, rejects. */
export function tell<T>(observer: (news: T) => unknown, news: T): void {
  try {
    Promise.resolve(observer(news)).catch(() => undefined)
  } catch {}
}
