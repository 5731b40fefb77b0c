/** What a handler, or a stream that ends here, reads of a response to learn how far it is. */
export const FLAGS = ['headersSent', 'writableEnded', 'writableFinished', 'finished', 'destroyed', '_closed'] as const
/** What of a response is replaced while its handler writes into memory. */
export const MEMBERS = [
  'setHeader',
  'appendHeader',
  'setHeaders',
  'getHeader',
  'getHeaders',
  'getHeaderNames',
  'hasHeader',
  'removeHeader',
  'writeHead',
  'flushHeaders',
  'write',
  'end',
  'addTrailers',
  'destroy',
  ...FLAGS,
  'emit',
] as const
/** Events that tell of the client, which is not what the handler writes to. */
export const OF_THE_CLIENT: readonly unknown[] = ['finish', 'close']
