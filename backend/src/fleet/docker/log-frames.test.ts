import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LogFrameParser, MAX_LINE_BYTES, type RawLogLine } from './log-frames.ts'

const AT = '2026-11-21T03:55:06.032118595Z'

function frame(stream: 'stdout' | 'stderr', payload: string): Buffer {
  const body = Buffer.from(payload)
  const head = Buffer.alloc(8)
  head[0] = stream === 'stderr' ? 2 : 1
  head.writeUInt32BE(body.length, 4)
  return Buffer.concat([head, body])
}

function parse(chunks: readonly Buffer[], tty = false): RawLogLine[] {
  const lines: RawLogLine[] = []
  const parser = new LogFrameParser(tty, (line) => lines.push(line))
  for (const chunk of chunks) parser.push(chunk)
  parser.end()
  return lines
}

const cut = (data: Buffer, size: number) =>
  Array.from({ length: Math.ceil(data.length / size) }, (_, at) => data.subarray(at * size, (at + 1) * size))

describe('LogFrameParser', () => {
  it('separates streams, timestamps and text', () => {
    const data = Buffer.concat([frame('stderr', `${AT} oh no\n`), frame('stdout', `${AT} fine\n`)])
    expect(parse([data])).toEqual([
      { at: AT, stream: 'stderr', text: 'oh no', truncated: false },
      { at: AT, stream: 'stdout', text: 'fine', truncated: false },
    ])
  })

  it('joins the pieces of a long line, which repeat the timestamp', () => {
    const data = Buffer.concat([
      frame('stdout', `${AT} ${'x'.repeat(16_384)}`),
      frame('stdout', `${AT} yyy\n`),
    ])
    expect(parse([data])).toEqual([
      { at: AT, stream: 'stdout', text: `${'x'.repeat(16_384)}yyy`, truncated: false },
    ])
  })

  it('keeps pieces of both streams apart', () => {
    const data = [frame('stdout', `${AT} a`), frame('stderr', `${AT} err\n`), frame('stdout', `${AT} b\n`)]
    expect(parse(data).map(({ text }) => text)).toEqual(['err', 'ab'])
  })

  it('cuts a line at 64 KiB and says so', () => {
    const piece = 'z'.repeat(16_384)
    const [line] = parse(Array.from({ length: 6 }, () => frame('stdout', `${AT} ${piece}`)))
    expect(line).toMatchObject({ truncated: true })
    expect(line?.text).toHaveLength(MAX_LINE_BYTES)
  })

  it('leaves a second timestamp, ANSI, markup and empty lines as written', () => {
    const data = Buffer.concat([
      frame('stdout', `${AT} ${AT} own\n`),
      frame('stdout', `${AT} \u001b[31m<script>alert(1)</script>\u001b[0m\n`),
      frame('stdout', `${AT} \n`),
    ])
    expect(parse([data]).map(({ text }) => text)).toEqual([
      `${AT} own`,
      '\u001b[31m<script>alert(1)</script>\u001b[0m',
      '',
    ])
  })

  it('reads the raw stream of a terminal, with CR LF and without a last newline', () => {
    expect(parse([Buffer.from(`${AT} one\r\n${AT} two`)], true)).toEqual([
      { at: AT, stream: 'stdout', text: 'one', truncated: false },
      { at: AT, stream: 'stdout', text: 'two', truncated: false },
    ])
  })

  it('gives null where there is no timestamp', () => {
    expect(parse([frame('stdout', 'plain text\n')])[0]).toMatchObject({ at: null, text: 'plain text' })
  })

  it('refuses data that is not framed', () => {
    expect(() => parse([Buffer.from('HTTP/1.1 200 OK and more')])).toThrow(RangeError)
  })

  it('gives the same lines however the stream is cut', () => {
    const line = fc.record({
      stream: fc.constantFrom('stdout' as const, 'stderr' as const),
      text: fc.string({ unit: 'grapheme' }).map((text) => text.replace(/[\r\n]/g, '')),
    })
    fc.assert(
      fc.property(fc.array(line, { maxLength: 20 }), fc.integer({ min: 1, max: 50 }), (lines, size) => {
        const data = Buffer.concat(lines.map(({ stream, text }) => frame(stream, `${AT} ${text}\n`)))
        expect(parse(cut(data, size)).map(({ stream, text }) => ({ stream, text }))).toEqual(lines)
        const raw = Buffer.from(lines.map(({ text }) => `${AT} ${text}\n`).join(''))
        expect(parse(cut(raw, size), true).map(({ text }) => text)).toEqual(lines.map(({ text }) => text))
      }),
    )
  })
})
