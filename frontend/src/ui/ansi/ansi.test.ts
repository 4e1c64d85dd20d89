import { describe, expect, test } from 'vitest'
import { markMatches, parseAnsi, stripAnsi } from './ansi.ts'

const ESC = '\u001b'
const texts = (line: string) => parseAnsi(line).map((segment) => segment.text)

describe('parseAnsi', () => {
  test('gives plain text one run without style', () => {
    expect(parseAnsi('hello')).toEqual([{ text: 'hello', style: null }])
    expect(parseAnsi('')).toEqual([])
  })

  test('splits at colour changes', () => {
    const [red, plain] = parseAnsi(`${ESC}[1;31mred${ESC}[0m plain`)
    expect(red).toMatchObject({ text: 'red', style: { color: 'var(--ansi-red)', bold: true } })
    expect(plain).toEqual({ text: ' plain', style: null })
  })

  test('reads 256 and true colours, with semicolons or colons', () => {
    for (const code of ['38;5;208', '38:5:208', '38;2;255;135;0', '38:2:255:135:0']) {
      expect(parseAnsi(`${ESC}[${code}mx`)[0]?.style?.color).toContain('from rgb(255 135 0)')
    }
  })

  test('pairs a background with readable text', () => {
    expect(parseAnsi(`${ESC}[43mx`)[0]?.style).toMatchObject({
      background: 'rgb(229 190 16)',
      color: 'rgb(20 20 24)',
    })
    expect(parseAnsi(`${ESC}[44mx`)[0]?.style?.color).toBe('rgb(250 250 250)')
  })

  test('leaves markup as the text it is', () => {
    expect(texts('<img src=x onerror=alert(1)> &amp;')).toEqual(['<img src=x onerror=alert(1)> &amp;'])
  })

  test('shows hidden text, dimmed', () => {
    expect(parseAnsi(`${ESC}[8msecret`)[0]).toMatchObject({ text: 'secret', style: { dim: true } })
  })

  test('takes out cursor moves, titles, links and control characters', () => {
    expect(
      texts(`${ESC}[2K${ESC}[1Ga${ESC}]0;title\u0007b${ESC}]8;;http://x${ESC}\\c${ESC}]8;;${ESC}\\\u0000d`),
    ).toEqual(['abcd'])
    expect(texts(`${ESC}(Bx${ESC}=y${ESC}`)).toEqual(['xy'])
  })

  test('takes out a sequence that was cut off', () => {
    expect(texts(`a${ESC}]0;unfinished`)).toEqual(['a'])
    expect(stripAnsi(`a${ESC}[31`)).toBe('a')
    expect(texts(`a${ESC}[31`).join('')).not.toContain(ESC)
  })

  test('shows what a rewritten line ended as', () => {
    expect(texts('10 %\r50 %\r100 %')).toEqual(['100 %'])
    expect(texts('windows line\r')).toEqual(['windows line'])
  })

  test('makes direction overrides visible', () => {
    expect(texts('user\u202Etxt.exe')).toEqual(['user\ufffdtxt.exe'])
  })

  test('keeps tabs and other alphabets', () => {
    expect(texts('\tпривет 日本語 🚀')).toEqual(['\tпривет 日本語 🚀'])
  })
})

test('stripAnsi leaves the readable text', () => {
  expect(stripAnsi(`${ESC}[32mok${ESC}[0m <b>`)).toBe('ok <b>')
})

describe('markMatches', () => {
  const marked = (line: string, pattern: RegExp | null) =>
    markMatches(parseAnsi(line), pattern).map(({ text, match }) => [text, match])

  test('cuts a run at a match', () => {
    expect(marked('an error here', /error/g)).toEqual([
      ['an ', false],
      ['error', true],
      [' here', false],
    ])
  })

  test('finds a match across a colour change', () => {
    expect(marked(`${ESC}[31mer${ESC}[0mror`, /error/g)).toEqual([
      ['er', true],
      ['ror', true],
    ])
  })

  test('marks every match and ignores empty ones', () => {
    expect(marked('aXa', /a/g)).toEqual([
      ['a', true],
      ['X', false],
      ['a', true],
    ])
    expect(marked('abc', /x*/g)).toEqual([['abc', false]])
    expect(marked('abc', null)).toEqual([['abc', false]])
  })
})
