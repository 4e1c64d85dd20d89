import type { LogStream } from '../log.schema.ts'

/** One line as the engine delivered it. */
export interface RawLogLine {
  /** RFC 3339 with nanoseconds; null when the engine gave none. */
  at: string | null
  stream: LogStream
  text: string
  truncated: boolean
}

/** A longer line is cut here; the engine itself stores lines in pieces of 16 KiB without a limit on their number. */
export const MAX_LINE_BYTES = 65_536
const MAX_FRAME_BYTES = 16 * 1024 * 1024
const NEWLINE = 10
const CARRIAGE_RETURN = 13
const timestampPattern = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/

interface OpenLine {
  parts: Buffer[]
  bytes: number
  at: string | null
  truncated: boolean
  started: boolean
}
const emptyLine = (): OpenLine => ({ parts: [], bytes: 0, at: null, truncated: false, started: false })

/**
 * Cuts an engine's log stream into lines. Chunks may end anywhere, also within a header, a timestamp or a
 * character.
 *
 * Without a tty the stream is framed (stream, three zero bytes, 32-bit length); with one it is raw. A line
 * beyond 16 KiB comes as several frames, each with the timestamp of the line; they are joined.
 */
export class LogFrameParser {
  /** What the engine counts as lines for `tail`: pieces of 16 KiB count one each. */
  entries = 0
  readonly #framed: boolean
  readonly #emit: (line: RawLogLine) => void
  readonly #lines: Record<LogStream, OpenLine> = { stdout: emptyLine(), stderr: emptyLine() }
  #pending: Buffer = Buffer.alloc(0)

  /** @param tty whether the container has a terminal: then there are no frames and one stream */
  constructor(tty: boolean, emit: (line: RawLogLine) => void) {
    this.#framed = !tty
    this.#emit = emit
  }

  /** @throws RangeError when the data is not framed as announced */
  push(chunk: Buffer): void {
    if (!this.#framed) {
      this.#raw(chunk)
      return
    }
    let data = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk])
    while (data.length >= 8) {
      const type = data[0]
      const length = data.readUInt32BE(4)
      if ((type !== 0 && type !== 1 && type !== 2) || length > MAX_FRAME_BYTES) {
        throw new RangeError('The log stream is not framed')
      }
      if (data.length < 8 + length) break
      this.entries++
      this.#frame(type === 2 ? 'stderr' : 'stdout', data.subarray(8, 8 + length))
      data = data.subarray(8 + length)
    }
    // A copy: a slice would keep the whole chunk of the socket alive.
    this.#pending = Buffer.from(data)
  }

  /** Emits what has no newline yet. Call once, when the stream has ended. */
  end(): void {
    if (!this.#framed && this.#pending.length > 0) {
      this.#append('stdout', this.#pending, !this.#lines.stdout.started)
      this.#pending = Buffer.alloc(0)
    }
    for (const stream of ['stdout', 'stderr'] as const) {
      if (this.#lines[stream].started) this.#finish(stream)
    }
  }

  #frame(stream: LogStream, payload: Buffer): void {
    let rest = payload
    let first = true
    while (rest.length > 0) {
      const at = rest.indexOf(NEWLINE)
      const piece = at < 0 ? rest : rest.subarray(0, at)
      // Each piece of a long line repeats the timestamp, at the start of its frame.
      this.#append(stream, piece, first || !this.#lines[stream].started)
      first = false
      if (at < 0) return
      this.#finish(stream)
      rest = rest.subarray(at + 1)
    }
  }

  #raw(chunk: Buffer): void {
    let data = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk])
    for (;;) {
      const at = data.indexOf(NEWLINE)
      if (at < 0) break
      this.entries++
      this.#append('stdout', data.subarray(0, at), !this.#lines.stdout.started)
      this.#finish('stdout')
      data = data.subarray(at + 1)
    }
    if (data.length > MAX_LINE_BYTES) {
      this.#append('stdout', data, !this.#lines.stdout.started)
      data = Buffer.alloc(0)
    }
    this.#pending = Buffer.from(data)
  }

  #append(stream: LogStream, piece: Buffer, mayHaveTimestamp: boolean): void {
    const line = this.#lines[stream]
    let text = piece
    if (mayHaveTimestamp) {
      const space = piece.indexOf(32)
      const head = space > 0 && space <= 40 ? piece.toString('latin1', 0, space) : ''
      if (timestampPattern.test(head)) {
        text = piece.subarray(space + 1)
        line.at ??= head
      }
    }
    line.started = true
    const room = MAX_LINE_BYTES - line.bytes
    if (text.length > room) line.truncated = true
    const kept = text.length > room ? text.subarray(0, room) : text
    if (kept.length > 0) line.parts.push(Buffer.from(kept))
    line.bytes += kept.length
  }

  #finish(stream: LogStream): void {
    const line = this.#lines[stream]
    this.#lines[stream] = emptyLine()
    let bytes = Buffer.concat(line.parts)
    // Terminals end lines with CR LF.
    if (bytes.at(-1) === CARRIAGE_RETURN) bytes = bytes.subarray(0, -1)
    this.#emit({ at: line.at, stream, text: bytes.toString('utf8'), truncated: line.truncated })
  }
}
