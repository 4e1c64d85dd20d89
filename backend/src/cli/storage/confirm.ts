import { createInterface } from 'node:readline/promises'
import { UsageError } from './moves.ts'

/**
 * Asks for a word before something that cannot be taken back.
 *
 * @param options.unasked what is said where nobody can be asked.
 * @throws UsageError when nobody can be asked or the answer is another one.
 */
export async function confirm(options: {
  readonly word: string
  readonly question: string
  readonly unasked: string
}): Promise<void> {
  if (!process.stdin.isTTY) throw new UsageError(options.unasked)
  const reader = createInterface({ input: process.stdin, output: process.stderr })
  try {
    const answer = await reader.question(`${options.question} Type ${options.word} to go on: `)
    if (answer.trim() !== options.word) throw new UsageError('Nothing was changed.')
  } finally {
    reader.close()
  }
}
