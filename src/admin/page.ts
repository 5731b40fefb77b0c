import { createHash } from 'node:crypto'
import { text } from './answer.js'
import { MARKUP } from './page/markup.js'
import { SESSION } from './page/script-session.js'
import { VIEWS } from './page/script-views.js'
import { WORDS } from './page/script-words.js'
import { STYLE } from './page/style.js'

const SCRIPT = `'use strict';${WORDS}${VIEWS}${SESSION}`
const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>hopstash</title>
<link rel="icon" href="data:,">
<style>${STYLE}</style>
</head>
<body>${MARKUP}<script>${SCRIPT}</script></body>
</html>
`
/** Nothing but this page's own style and script, and requests to where it came from. */
const POLICY = [
  "default-src 'none'",
  `style-src '${hashOf(STYLE)}'`,
  `script-src '${hashOf(SCRIPT)}'`,
  "connect-src 'self'",
  'img-src data:',
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

/** `GET /`: the dashboard, one page that asks nobody but the handler it came from. */
export function page(): Response {
  return text(PAGE, 'text/html; charset=utf-8', {
    'content-security-policy': POLICY,
    'referrer-policy': 'no-referrer',
    'cross-origin-opener-policy': 'same-origin',
  })
}

function hashOf(content: string): string {
  return `sha256-${createHash('sha256').update(content).digest('base64')}`
}
