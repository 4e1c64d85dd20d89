import { useMemo } from 'react'
import type { LogFilter } from '../../ui/log-viewer/log-filter.ts'
import { LOG_LEVELS } from '../../ui/log-viewer/log-levels.ts'
import { flagParam, oneOfParam, textParam } from '../search.ts'

/** What an address says of the lines that are shown; `line`: time of the line to stand at. */
export const logParams = {
  q: textParam,
  regex: flagParam,
  invert: flagParam,
  level: oneOfParam(LOG_LEVELS),
  stream: oneOfParam(['stdout', 'stderr']),
  line: textParam,
}

/** The filter in an address, the same object while it says the same. */
export function useLogFilter({ q, regex, invert, level, stream }: LogFilter): LogFilter {
  return useMemo(() => ({ q, regex, invert, level, stream }), [q, regex, invert, level, stream])
}

/** A filter as an address says it: what is off is left out. */
export const filterParams = ({ q, regex, invert, level, stream }: LogFilter) => ({
  q,
  regex: regex ? (true as const) : undefined,
  invert: invert ? (true as const) : undefined,
  level,
  stream,
})
