import { isUtf8 } from 'node:buffer'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { copyText, viewOf } from './line-text.ts'

/** Where the value ends and what was copied of it, from one odd place to another. */
function copied(value: Uint8Array): { readonly end: number; readonly text: Buffer } {
  const line = Buffer.concat([Buffer.of(0xff, 0), value, Buffer.of(0xff, 0xe9, 0)])
  const to = Buffer.alloc(value.length + 7)
  const end = copyText(viewOf(line), 2, viewOf(to), 3)
  return { end, text: to.subarray(3, 3 + value.length) }
}

describe('texts of lines', () => {
  it('are copied where they are UTF-8 without the NUL character, and nothing else is', () => {
    const bytes = fc.uint8Array({ maxLength: 12 }).filter((value) => !value.includes(0xff))
    const text = fc.string({ unit: 'binary', maxLength: 12 }).map((value) => new TextEncoder().encode(value))
    fc.assert(
      fc.property(fc.oneof(bytes, text), (value) => {
        const { end, text: found } = copied(value)
        if (!isUtf8(value) || value.includes(0)) expect(end).toBe(-1)
        else expect([end, found.equals(value)]).toEqual([value.length + 2, true])
      }),
      { numRuns: 1_000 },
    )
  })

  it('are no UTF-8 at the same bytes as elsewhere', () => {
    const edges = [
      0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed, 0xee,
      0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xfe,
    ]
    const value = Buffer.alloc(4)
    const different: string[] = []
    for (let i = 0; i < edges.length ** 4; i++) {
      for (let place = 0, rest = i; place < 4; place++, rest = Math.floor(rest / edges.length)) {
        value[place] = edges[rest % edges.length]!
      }
      if (copied(value).end >= 0 !== isUtf8(value)) different.push(value.toString('hex'))
    }
    expect(different).toEqual([])
  })
})
