import { setImmediate } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { sharedRead } from './shared-read.ts'

/** A store with one value, whose reads see it when they begin and answer when they are let go. */
function slowStore() {
  let value = 0
  const open: (() => void)[] = []
  const keys: string[] = []
  const ask = sharedRead(async (key) => {
    keys.push(key)
    const seen = value
    await new Promise<void>((resolve) => open.push(resolve))
    if (seen < 0) throw new Error('refused')
    return seen
  })
  return {
    ask,
    keys,
    write: (to: number) => {
      value = to
    },
    /** Lets the oldest read go. */
    async answer() {
      open.shift()?.()
      await setImmediate()
    },
  }
}

test('whoever asks while a read is under way shares the one after it', async () => {
  const { ask, keys, write, answer } = slowStore()
  const first = ask('a')
  write(1)
  const later = [ask('a'), ask('a'), ask('a')]
  expect(keys).toEqual(['a'])
  await answer()
  expect(await first).toBe(0)
  await answer()
  expect(await Promise.all(later)).toEqual([1, 1, 1])
  expect(keys).toEqual(['a', 'a'])
})

test('an answer is never older than its question', async () => {
  const { ask, write, answer } = slowStore()
  const first = ask('a')
  const second = ask('a')
  await answer()
  // The second read has begun with what was there; this question comes after a write and begins another.
  write(7)
  const third = ask('a')
  await answer()
  await answer()
  expect(await Promise.all([first, second, third])).toEqual([0, 0, 7])
})

test('keys do not wait for each other, and nothing is kept', async () => {
  const { ask, keys, write, answer } = slowStore()
  const a = ask('a')
  const b = ask('b')
  expect(keys).toEqual(['a', 'b'])
  await answer()
  await answer()
  expect(await Promise.all([a, b])).toEqual([0, 0])
  write(2)
  const again = ask('a')
  await answer()
  expect(await again).toBe(2)
})

test('a failed read fails those who share it, and nobody after them', async () => {
  const { ask, write, answer } = slowStore()
  write(-1)
  const first = ask('a')
  const second = ask('a')
  const failed = Promise.all([
    expect(first).rejects.toThrow('refused'),
    expect(second).rejects.toThrow('refused'),
  ])
  await answer()
  write(3)
  await answer()
  await failed
  const third = ask('a')
  await answer()
  expect(await third).toBe(3)
})
