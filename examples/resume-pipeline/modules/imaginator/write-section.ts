import type { Chat } from './chat.js'
import type { ImaginatorInput, ImaginatorOutput } from './contract.js'
import { critiquePrompt, SYSTEM, synthesisPrompt, writePrompt } from './prompts.js'

/** Writes, critiques and synthesises: three questions to the model, each built on the answers before. */
export async function writeSection(
  input: ImaginatorInput,
  chat: Chat,
  model: string,
  signal: AbortSignal,
): Promise<ImaginatorOutput> {
  const draft = await chat(SYSTEM, writePrompt(input), signal)
  const critique = await chat(SYSTEM, critiquePrompt(input, draft.text), signal)
  const final = await chat(SYSTEM, synthesisPrompt(input, draft.text, critique.text), signal)
  const answers = [draft, critique, final]
  return {
    text: draft.text,
    critique: critique.text,
    final: namingGap(final.text, input.analysis.gaps[0]?.requirement),
    usage: {
      model,
      calls: answers.length,
      input_tokens: answers.reduce((sum, { inputTokens }) => sum + inputTokens, 0),
      output_tokens: answers.reduce((sum, { outputTokens }) => sum + outputTokens, 0),
    },
  }
}

/** The contract promises that the section names the top gap; a model promises nothing. */
function namingGap(text: string, gap: string | undefined): string {
  if (gap === undefined || text.toLowerCase().includes(gap.toLowerCase())) return text
  return `${text} Next to learn: ${gap}.`
}
