import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  defineSearch,
  flagParam,
  integerParam,
  manyOfParam,
  oneOfParam,
  parseSearch,
  stringifySearch,
  textParam,
} from './search.ts'

const read = defineSearch({
  q: textParam,
  page: integerParam,
  follow: flagParam,
  state: oneOfParam(['running', 'exited']),
  level: manyOfParam(['warn', 'error']),
})

describe('search parameters', () => {
  it('drops what makes no sense and keeps the rest', () => {
    expect(read(parseSearch('?q=web&page=x&state=flying&level=error,none&follow=1&other=2'))).toEqual({
      q: 'web',
      level: ['error'],
      follow: true,
    })
  })

  it('keeps text that looks like a number as text', () => {
    expect(read(parseSearch('?q=8080'))).toEqual({ q: '8080' })
  })

  it('leaves empty, false and absent values out of the URL', () => {
    expect(stringifySearch({ q: '', follow: false, state: undefined })).toBe('')
  })

  it('gives back what it wrote', () => {
    fc.assert(
      fc.property(
        fc.record({
          q: fc.string({ minLength: 1 }),
          page: fc.maxSafeInteger(),
          follow: fc.constant(true as const),
          state: fc.constantFrom('running', 'exited'),
          level: fc.subarray(['warn', 'error'], { minLength: 1 }),
        }),
        (search) => {
          expect(read(parseSearch(stringifySearch(search)))).toEqual(search)
        },
      ),
    )
  })
})
