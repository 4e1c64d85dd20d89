import { expect, test } from 'vitest'
import { readPrefs } from './log-prefs.ts'

test('reads what was stored', () => {
  expect(readPrefs('{"wrap":true,"times":"utc","tags":false}')).toEqual({
    wrap: true,
    times: 'utc',
    tags: false,
  })
})

test.each([null, '', 'nonsense', '[]', '{"wrap":"yes","times":"never"}', 'null'])(
  '%j falls back to the defaults',
  (text) => {
    expect(readPrefs(text)).toEqual({ wrap: false, times: 'clock', tags: true })
  },
)
