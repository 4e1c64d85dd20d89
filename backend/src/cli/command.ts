import { failureOf } from './storage/failure.ts'
import { createPrinter, type Output, type Printer } from './storage/printer.ts'

/** Where commands write unless a test says otherwise. */
export const terminal: Output = {
  write: (text) => void process.stdout.write(text),
  error: (text) => void process.stderr.write(text),
  get columns() {
    return process.stdout.isTTY ? process.stdout.columns : undefined
  },
}

export interface CommandRun {
  readonly printer: Printer
  /** Aborted by Ctrl+C. */
  readonly signal: AbortSignal
  /** `close` is called when the command ends, however it does. */
  readonly atEnd: (close: () => Promise<unknown>) => void
}

/** Does the work of one command, says what went wrong, and resolves to its exit code. */
export async function runCommand(
  { json = false, output }: { readonly json: boolean | undefined; readonly output: Output },
  work: (run: CommandRun) => Promise<number>,
): Promise<number> {
  const printer = createPrinter(output, json)
  const interrupt = new AbortController()
  const onSignal = () => interrupt.abort()
  process.once('SIGINT', onSignal)
  let close: () => Promise<unknown> = async () => undefined
  try {
    return await work({
      printer,
      signal: interrupt.signal,
      atEnd: (given) => {
        close = given
      },
    })
  } catch (error) {
    const failure = failureOf(error)
    if (!failure) throw error
    printer.problem(failure)
    return failure.exit
  } finally {
    process.removeListener('SIGINT', onSignal)
    await close()
  }
}
