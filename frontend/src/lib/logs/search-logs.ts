import type { LogEntry } from '../../ui/log-viewer/log-buffer.ts'
import type { LogFilter } from '../../ui/log-viewer/log-filter.ts'
import { api, unwrap } from '../api/client.ts'
import { ApiError, problemToError } from '../api/problem.ts'
import type { LogSearchEnd, LogSearchMessage } from '../api/types.ts'
import { LOG_PAGE, type LogTarget, type LogWindow, pathOf, queryOf, targetKey } from './fetch-logs.ts'
import { lineEntry } from './log-entries.ts'

export interface SearchStep {
  /** found since the step before, oldest first */
  entries: LogEntry[]
  /** older ones than `entries` were left out: those of earlier steps do not adjoin */
  skipped: boolean
  /** lines looked at so far */
  scanned: number
  /** time of the line looked at last */
  at: string | null
}

/**
 * Searches the log of one container and tells each step.
 *
 * @throws ApiError, also when the search fails on its way; AbortError
 */
export async function searchLines(
  target: LogTarget,
  filter: LogFilter,
  window: LogWindow,
  signal: AbortSignal,
  onStep: (step: SearchStep) => void,
): Promise<LogSearchEnd> {
  const body = await unwrap(
    api.GET('/api/containers/{endpointId}/{containerId}/logs/search', {
      params: { path: pathOf(target), query: { tail: LOG_PAGE, ...queryOf(filter), ...window } },
      parseAs: 'stream',
      signal,
    }),
  )
  const source = targetKey(target)
  for await (const line of textLines(body)) {
    const message: LogSearchMessage = JSON.parse(line)
    if (message.type === 'end') return message
    if (message.type === 'failed') throw problemToError(message.problem.status, message.problem, null)
    onStep({ ...message, entries: message.lines.map((each) => lineEntry(each, source)) })
  }
  throw new ApiError({ status: 0, code: 'unreachable', message: 'The connection was lost during the search' })
}

/** Lines of a body of text, as they come. Leaving early gives the body up. */
export async function* textLines(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const reader = body.getReader()
  const decoder = new TextDecoder()
  let rest = ''
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) break
      const lines = (rest + decoder.decode(value, { stream: true })).split('\n')
      rest = lines.pop() ?? ''
      yield* lines
    }
    if (rest !== '') yield rest
  } finally {
    await reader.cancel()
  }
}
