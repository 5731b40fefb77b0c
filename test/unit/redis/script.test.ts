import { describe, expect, it } from 'vitest'
import { defineScript, runScript } from '../../../src/redis/script.js'

const script = defineScript('return 1')

/** What a script rejects with if the server says this. */
async function rejection(message: string): Promise<string> {
  const send = () => Promise.reject(new Error(message))
  return runScript(send, script, [], []).then(
    () => 'nothing',
    (error: Error) => error.message,
  )
}

describe('a script', () => {
  it('is sent by its name, and with its source to a server that does not know it', async () => {
    const sent: unknown[] = []
    const send = async (args: readonly unknown[]) => {
      sent.push(args)
      if (args[0] === 'EVALSHA') throw new Error('NOSCRIPT No matching script.')
      return 'reply'
    }
    expect(await runScript(send, script, ['k'], ['a'])).toBe('reply')
    expect(sent).toEqual([
      ['EVALSHA', script.sha, '1', 'k', 'a'],
      ['EVAL', 'return 1', '1', 'k', 'a'],
    ])
  })

  it.each([
    [
      'a command that is refused, before Redis 7',
      'ERR Error running script (call to f_0af): @user_script:7: @user_script: 7: -READONLY You cannot write.',
      'READONLY You cannot write.',
    ],
    [
      'a command that fails, before Redis 7',
      'ERR Error running script (call to f_0af): @user_script:1: WRONGTYPE Operation against a key',
      'WRONGTYPE Operation against a key',
    ],
    [
      'an error the script returned, before Redis 7',
      '@user_script: 9: -READONLY You cannot write.',
      'READONLY You cannot write.',
    ],
    [
      'a right that is missing, before Redis 7',
      "ERR Error running script (call to f_0af): @user_script:1: @user_script: 1: The user executing the script can't run this command or subcommand",
      "NOPERM The user executing the script can't run this command or subcommand",
    ],
    ...['run this command or subcommand', 'publish to the channel mentioned in the command'].map((what) => [
      'a right that is missing, from Redis 7 on',
      `ERR The user executing the script can't ${what} script: 0af, on @user_script:1.`,
      `NOPERM The user executing the script can't ${what} script: 0af, on @user_script:1.`,
    ]),
    [
      'a command that is refused, from Redis 7 on',
      'READONLY You cannot write. script: 0af, on @user_script:1.',
      'READONLY You cannot write. script: 0af, on @user_script:1.',
    ],
    [
      'a mistake in the script',
      'ERR Error running script (call to f_0af): @user_script:1: user_script:1: attempt to concatenate a nil value',
      'ERR Error running script (call to f_0af): @user_script:1: user_script:1: attempt to concatenate a nil value',
    ],
    ['no answer', 'Socket closed unexpectedly', 'Socket closed unexpectedly'],
  ])('rejects as the command would have: %s', async (_what, message, expected) => {
    expect(await rejection(message)).toBe(expected)
  })
})
