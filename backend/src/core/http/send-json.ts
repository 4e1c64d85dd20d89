import type { Response } from 'express'
import { Turns } from '../turns.ts'
import { compress, compressFrom } from './compress.ts'

/** From here on an answer is sent while it is printed, without an ETag, which would have to wait for its end. */
const longText = 256 * 1024

/**
 * Sends a value as `res.json` does. One that takes longer to print is printed in several turns. Resolves when all of it is
 * handed over, or the caller is gone.
 */
export async function sendJson(res: Response, value: unknown): Promise<void> {
  const turns = new Turns()
  let write: Write | undefined
  let text = ''
  for (const piece of printed(value)) {
    text += piece
    if (!turns.isOver) continue
    if (text.length >= longText) {
      write ??= begin(res)
      await write(text)
      text = ''
    }
    await turns.next()
    if (res.destroyed) return
  }
  if (write) res.end(text)
  else sendText(res.type('application/json'), text)
}

/** Sends a text of the type that was set, and ends the answer. */
export function sendText(res: Response, text: string): void {
  if (text.length >= compressFrom) compress(res)
  res.send(text)
}

type Write = (text: string) => Promise<void>

/** Resolves when there is room for more, or nobody reads any more. */
function begin(res: Response): Write {
  compress(res.type('application/json'))
  let goOn: (() => void) | undefined
  // Once for all: what compresses the answer takes listeners and never gives them back.
  res.on('drain', () => goOn?.())
  res.on('close', () => goOn?.())
  return (text) =>
    new Promise((resolve) => {
      goOn = resolve
      if (res.write(text) || res.destroyed) resolve()
    })
}

/** The text that JSON.stringify gives, in pieces: the members of an object, and the items of those that are arrays. */
function* printed(value: unknown): Generator<string> {
  if (!isPlain(value)) {
    yield JSON.stringify(value) ?? 'null'
    return
  }
  let before = '{'
  for (const [name, member] of Object.entries(value)) {
    if (Array.isArray(member)) {
      yield `${before}${JSON.stringify(name)}:`
      yield* printedItems(member)
    } else {
      const text = JSON.stringify(member)
      if (text === undefined) continue
      yield `${before}${JSON.stringify(name)}:${text}`
    }
    before = ','
  }
  yield before === '{' ? '{}' : '}'
}

function* printedItems(items: readonly unknown[]): Generator<string> {
  let before = '['
  for (const item of items) {
    yield before + (JSON.stringify(item) ?? 'null')
    before = ','
  }
  yield before === '[' ? '[]' : ']'
}

function isPlain(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !('toJSON' in value)
}
