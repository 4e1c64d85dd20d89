import { expect, test } from 'vitest'
import { textLines } from './search-logs.ts'

const bodyOf = (...chunks: Uint8Array[]) =>
  new ReadableStream<Uint8Array>({
    pull(controller) {
      const chunk = chunks.shift()
      if (chunk) controller.enqueue(chunk)
      else controller.close()
    },
  })

test('lines come whole, wherever chunks end, also within a character', async () => {
  const bytes = new TextEncoder().encode('first\nzwölf\nlast')
  const cut = bytes.indexOf(0xc3) + 1
  const lines: string[] = []
  const body = bodyOf(bytes.slice(0, 2), bytes.slice(2, cut), bytes.slice(cut))
  for await (const line of textLines(body)) lines.push(line)
  expect(lines).toEqual(['first', 'zwölf', 'last'])
})

test('leaving early gives the body up', async () => {
  let cancelled = false
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(new TextEncoder().encode('a\nb\n')),
    cancel: () => {
      cancelled = true
    },
  })
  for await (const line of textLines(body)) if (line === 'b') break
  expect(cancelled).toBe(true)
})
