import type { Latency } from '../latency.js'
import { type Module, startModule } from '../module-server.js'
import { type ChatOptions, createChat } from './chat.js'
import { imaginatorContract } from './contract.js'
import { writeSection } from './write-section.js'

/** Starts Imaginator: writes a section of the resume with the help of a model. */
export function startImaginator(options: { token: string; chat: ChatOptions; latencyMs?: Latency }): Promise<Module> {
  const { chat: chatOptions, ...rest } = options
  const chat = createChat(chatOptions)
  return startModule({
    name: 'imaginator',
    ...rest,
    contract: imaginatorContract,
    handle: (input, { signal }) => writeSection(input, chat, chatOptions.model, signal),
  })
}
