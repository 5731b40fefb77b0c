import { randomBytes } from 'node:crypto'
import { pause } from '../resume-pipeline/modules/latency.js'
import { modelContract } from '../resume-pipeline/modules/model-server/contract.js'
import { type Module, startModule } from '../resume-pipeline/modules/module-server.js'

/** How long the first token takes, and each further one, in milliseconds: a quick hosted model. */
const FIRST_TOKEN_MS = 450
const TOKEN_MS = 4

/**
 * Starts a stand-in for a model that repairs texts, over OpenAI's chat completions.
 *
 * It takes a prompt of one task, or lines of JSON with a task each, and answers both out of its own head; a longer answer
 * takes longer, so that asking for everything at once is not free.
 */
export function startFixModel(latencyFactor: number): Promise<Module> {
  return startModule({
    name: 'fix-model',
    token: randomBytes(24).toString('base64url'),
    contract: modelContract,
    async handle({ model, messages }, { signal }) {
      const content = answer(messages.findLast(({ role }) => role === 'user')?.content ?? '')
      const completion_tokens = tokensIn(content)
      const prompt_tokens = messages.reduce((sum, message) => sum + tokensIn(message.content), 0)
      await pause(latencyFactor * (FIRST_TOKEN_MS + TOKEN_MS * completion_tokens), signal)
      return {
        id: 'chatcmpl-fix',
        object: 'chat.completion' as const,
        created: 0,
        model,
        choices: [{ index: 0, message: { role: 'assistant' as const, content }, finish_reason: 'stop' as const }],
        usage: { prompt_tokens, completion_tokens, total_tokens: prompt_tokens + completion_tokens },
      }
    },
  })
}

function answer(prompt: string): string {
  const tasks = prompt.split('\n').filter((line) => line.startsWith('{"id":'))
  if (tasks.length === 0) return repaired(prompt)
  const answers = tasks.map((line) => {
    const { id, task } = JSON.parse(line) as { id: string; task: string }
    return { id, answer: repaired(task) }
  })
  return JSON.stringify({ answers })
}

/** The same prompt always gets the same answer, another one another. */
function repaired(prompt: string): string {
  const fact = (label: string): string => new RegExp(`^${label}: (.+)$`, 'm').exec(prompt)?.[1] ?? ''
  const text = fact('Text')
  const [first = '', second = ''] = fact('Terms').split('; ')
  switch (fact('Fix')) {
    case 'label':
      return `${fact('Role')}, formerly ${text}`
    case 'summary':
      return `${sentence(text)} Looking for work as ${fact('Role')}, with ${first} and ${second}.`
    case 'highlights':
      return text
        .split(' | ')
        .map((line) => `${sentence(line)} (${first})`)
        .join('\n')
    case 'pitch':
      return `In one line: ${text.split(/(?<=[.!?]) /).at(-1)}`
    default:
      return text.split(' | ').sort().join('\n')
  }
}

function sentence(text: string): string {
  const trimmed = text.trim()
  return /[.!?]$/.test(trimmed) ? trimmed : `${trimmed}.`
}

/** The rule of thumb: four characters a token. */
function tokensIn(text: string): number {
  return Math.ceil(text.length / 4)
}
