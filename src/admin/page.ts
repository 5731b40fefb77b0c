import { text } from './answer.js'

/** `GET /`: the dashboard. */
export function page(): Response {
  return text('<!doctype html><title>hopstash</title>', 'text/html; charset=utf-8')
}
