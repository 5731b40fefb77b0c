/**
 * A set of 64-bit fingerprints of states. Two different states with one fingerprint would be taken for one: with n
 * states in the set, the probability that this happens at all is below n² / 2^65 (3e-6 for ten million).
 */
export function createFingerprints(initialBits = 16) {
  let mask = 2 ** initialBits - 1
  let cells = new Uint32Array(2 * (mask + 1))
  let size = 0

  function insert(high: number, low: number): boolean {
    let slot = (low ^ (high << 7)) & mask
    for (;;) {
      const a = cells[2 * slot]!
      const b = cells[2 * slot + 1]!
      if (a === high && b === low) return false
      if (a === 0 && b === 0) break
      slot = (slot + 1) & mask
    }
    cells[2 * slot] = high
    cells[2 * slot + 1] = low
    return true
  }

  function grow(): void {
    const old = cells
    mask = 2 * mask + 1
    cells = new Uint32Array(2 * (mask + 1))
    for (let i = 0; i < old.length; i += 2) if (old[i] || old[i + 1]) insert(old[i]!, old[i + 1]!)
  }

  return {
    /** Says whether the state is new. */
    add(words: Uint32Array): boolean {
      let high = 0x9e3779b1 | 0
      let low = 0x2545f491 | 0
      for (let i = 0; i < words.length; i++) {
        const word = words[i]!
        high = Math.imul(high ^ word, 0x85ebca6b)
        high = (high << 13) | (high >>> 19)
        low = Math.imul(low + word, 0xc2b2ae35)
        low ^= low >>> 15
      }
      high = finish(high ^ (low >>> 3))
      low = finish(Math.imul(low, 0x27d4eb2f) + words.length)
      if (!insert(high, low || 1)) return false
      if (++size * 5 > (mask + 1) * 3) grow()
      return true
    },
    size: () => size,
  }
}

function finish(hash: number): number {
  let h = hash
  h = Math.imul(h ^ (h >>> 16), 0x7feb352d)
  h = Math.imul(h ^ (h >>> 15), 0x846ca68b)
  return (h ^ (h >>> 16)) >>> 0
}
