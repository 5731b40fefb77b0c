import type { FetchLike } from 'hopstash/llm'

/** What is tested: it asks a model, through whichever `fetch` it is given. */
export async function summarise(text: string, fetch: FetchLike): Promise<string> {
  const response = await fetch('https://api.openai.com/v1/chat/completions', {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${process.env.OPENAI_API_KEY ?? 'none'}` },
    body: JSON.stringify({
      model: 'gpt-5-mini',
      messages: [
        { role: 'system', content: 'Summarise in five words.' },
        { role: 'user', content: text },
      ],
    }),
  })
  const { choices } = (await response.json()) as { choices: { message: { content: string } }[] }
  return choices[0]?.message.content ?? ''
}
