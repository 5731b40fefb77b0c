import { SLOTS } from './hash-slot.js'

/** Where a node listens. */
export interface NodeAddress {
  readonly host: string
  readonly port: number
}

/** Where announced addresses are reached from here, as node-redis takes it. */
export type NodeAddressMap =
  | Readonly<Record<string, NodeAddress>>
  | ((address: string) => NodeAddress | undefined)
  | undefined

/** Which primary has which slots. */
export interface ClusterMap {
  /** Primaries by `host:port`. */
  readonly primaries: ReadonlyMap<string, NodeAddress>
  /** `host:port` of the primary of a slot; `undefined` for a slot nobody has. */
  ownerOf(slot: number): string | undefined
}

/** Pure: an address as one text. */
export function addressText({ host, port }: NodeAddress): string {
  return `${host}:${port}`
}

/** Where an announced address is reached from here. */
export function translated(address: NodeAddress, map: NodeAddressMap): NodeAddress {
  const text = addressText(address)
  return (typeof map === 'function' ? map(text) : map?.[text]) ?? address
}

/**
 * Pure: what `CLUSTER SLOTS` says. A node that does not know its own host is at the one it was asked at.
 *
 * @param translate Where an announced address is reached from here.
 */
export function readClusterMap(
  reply: unknown,
  askedAt: NodeAddress,
  translate: (address: NodeAddress) => NodeAddress,
): ClusterMap {
  const owners = new Array<string | undefined>(SLOTS)
  const primaries = new Map<string, NodeAddress>()
  if (!Array.isArray(reply)) throw new Error('expected slots')
  for (const range of reply) {
    const [from, to, node] = Array.isArray(range) ? range : []
    if (typeof from !== 'number' || typeof to !== 'number' || !Array.isArray(node)) throw new Error('expected slots')
    const host = hostIn(String(node[0] ?? '')) ?? askedAt.host
    const address = translate({ host, port: Number(node[1]) })
    const text = addressText(address)
    primaries.set(text, address)
    owners.fill(text, from, to + 1)
  }
  return { primaries, ownerOf: (slot) => owners[slot] }
}

/** Where a command was sent on to; one without a host is at the one it was sent to. */
export interface Redirection {
  readonly kind: 'MOVED' | 'ASK'
  readonly host: string | undefined
  readonly port: number
}

/** Pure: where a command was sent on to; `undefined` for any other error. */
export function redirectionIn(error: unknown): Redirection | undefined {
  if (!(error instanceof Error)) return undefined
  const match = /^(MOVED|ASK) \d+ (.*):(\d+)$/.exec(error.message)
  if (match === null) return undefined
  const [, kind, host = '', port] = match
  return { kind: kind as Redirection['kind'], host: hostIn(host), port: Number(port) }
}

/** A node that does not know its own says nothing, or, where it is to say its name, `?`. */
function hostIn(announced: string): string | undefined {
  return announced === '' || announced === '?' ? undefined : announced
}
