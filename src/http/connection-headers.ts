/**
 * Fields of a connection or of one message, and not of what it says: whoever keeps an answer drops them.
 *
 * @see RFC 9110 section 7.6.1
 */
export const CONNECTION_HEADERS = [
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authentication-info',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'content-length',
] as const
