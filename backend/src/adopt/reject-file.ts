import { closeSync, createReadStream, fstatSync, ftruncateSync, openSync, writeSync } from 'node:fs'
import { createInterface } from 'node:readline'
import type { Reject } from '../db/transfer/index.ts'

/** Rows that do not fit, one JSON object a line: their number is not known beforehand. */
export class RejectFile {
  readonly path: string
  readonly #file: number
  #kept = 0

  constructor(path: string) {
    this.path = path
    this.#file = openSync(path, 'a', 0o600)
  }

  add(reject: Reject): void {
    writeSync(this.#file, `${lineOf(reject)}\n`)
  }

  /** What was added until now stays. */
  keep(): void {
    this.#kept = fstatSync(this.#file).size
  }

  /** Takes back what was added since: the transaction that it belongs to begins (again). */
  rewind(): void {
    ftruncateSync(this.#file, this.#kept)
  }

  close(): void {
    closeSync(this.#file)
  }
}

/** Line separators of Unicode end a line for whoever reads the file. */
function lineOf(reject: Reject): string {
  return JSON.stringify(reject).replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029')
}

export async function* readRejects(path: string): AsyncGenerator<Reject> {
  for await (const line of createInterface({ input: createReadStream(path, 'utf8') })) yield JSON.parse(line)
}
