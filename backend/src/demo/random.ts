/** Seeded randomness. Everything the simulated fleet does is a pure function of these and of the time. */

/** Mixes two 32-bit numbers into one (murmur3's finaliser). Equal inputs give equal outputs everywhere. */
export function mix(a: number, b: number): number {
  let h = (Math.imul(a, 0x9e3779b1) ^ Math.imul(b, 0x85ebca6b)) | 0
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

/** A 32-bit hash of a text (FNV-1a, then mixed). */
export function hashText(text: string, seed = 0): number {
  let h = 0x811c9dc5
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193)
  return mix(h | 0, seed)
}

/** A number in [0, 1). */
export function unit(seed: number, index: number): number {
  return mix(seed, index) / 4_294_967_296
}

/** `length` hexadecimal digits, as of a container or image id. */
export function hexId(seed: number, length = 64): string {
  let text = ''
  for (let i = 0; text.length < length; i++)
    text += mix(seed, i + 1)
      .toString(16)
      .padStart(8, '0')
  return text.slice(0, length)
}

/** One of `choices`, by hash. `choices` must not be empty. */
export function pick<T>(choices: readonly T[], seed: number, index: number): T {
  const choice = choices[Math.floor(unit(seed, index) * choices.length)]
  if (choice === undefined) throw new RangeError('pick(): there is nothing to choose from')
  return choice
}

/** A whole number in [from, to]. */
export function between(from: number, to: number, seed: number, index: number): number {
  return from + Math.floor(unit(seed, index) * (to - from + 1))
}
