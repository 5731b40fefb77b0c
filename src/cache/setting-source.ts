import { presets } from './presets.js'

/** Who has said a setting of a namespace; the later in this list wins. A call may say otherwise for one entry. */
export type SettingSource = 'default' | 'preset' | 'code' | 'environment' | 'resize'

/** Where the settings come from that may be changed from outside. */
export interface SettingSources {
  readonly ttl: SettingSource
  readonly max: SettingSource
}

/** The part of a namespace's definition that is looked at. */
interface Declared {
  readonly options: { readonly ttl?: unknown; readonly max?: unknown }
  readonly preset: string | undefined
}

const table: Readonly<Record<string, Pick<Declared, 'options'>>> = presets

/** Pure: who has said the settings a definition has. */
export function sourcesOf({ options, preset }: Declared): SettingSources {
  const base = preset === undefined ? undefined : table[preset]?.options
  const sourceOf = (name: 'ttl' | 'max'): SettingSource => {
    if (options[name] === undefined) return 'default'
    return options[name] === base?.[name] ? 'preset' : 'code'
  }
  return { ttl: sourceOf('ttl'), max: sourceOf('max') }
}
