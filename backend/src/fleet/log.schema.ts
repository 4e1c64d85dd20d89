import { z } from 'zod'
import { problemSchema } from '../core/http/problem.ts'
import { count, endpointId } from './parts.schema.ts'

export const LogStream = z.enum(['stdout', 'stderr']).meta({ id: 'LogStream' })
export const LogLevel = z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal']).meta({ id: 'LogLevel' })

export const LogLine = z
  .object({
    at: z.string().nullable().meta({
      description: 'ISO 8601 UTC with nanoseconds, as the engine gives it; null when it gave none',
    }),
    stream: LogStream,
    text: z.string().meta({ description: 'As written, ANSI sequences and markup included' }),
    level: LogLevel.nullable().meta({ description: 'Guessed from the text' }),
    seq: count.meta({ description: 'Grows by one within one answer or one live stream' }),
    truncated: z.boolean().optional().meta({ description: 'The line went on beyond 64 KiB' }),
  })
  .meta({ id: 'LogLine' })

const scanned = count.meta({ description: 'Lines looked at' })
const lineTime = z.string().nullable()
const truncated = z.boolean().meta({ description: 'More lines match, or the scan stopped at its limit' })
const limit = z.enum(['lines', 'time']).nullable().meta({
  description: 'What ended a search before the beginning of the log: enough lines looked at, or enough time',
})

export const LogPage = z
  .object({ lines: z.array(LogLine).meta({ description: 'Oldest first' }), scanned, truncated, limit })
  .meta({ id: 'LogPage' })

export const LogSearchStep = z
  .object({
    type: z.literal('step'),
    lines: z.array(LogLine).meta({ description: 'Matches since the step before, oldest first' }),
    skipped: z.boolean().meta({
      description: 'More than `tail` lines matched since the step before: older ones were left out',
    }),
    scanned,
    at: lineTime.meta({ description: 'Time of the line looked at last' }),
  })
  .meta({ id: 'LogSearchStep' })

export const LogSearchEnd = z
  .object({
    type: z.literal('end'),
    scanned,
    from: lineTime.meta({ description: 'Time of the oldest line looked at' }),
    at: lineTime.meta({ description: 'Time of the newest line looked at' }),
    truncated,
    limit,
  })
  .meta({ id: 'LogSearchEnd' })

export const LogSearchMessage = z
  .discriminatedUnion('type', [
    LogSearchStep,
    LogSearchEnd,
    z.object({ type: z.literal('failed'), problem: problemSchema }),
  ])
  .meta({ id: 'LogSearchMessage', description: 'One a line; `end` or `failed` comes last' })

export const LogLines = z
  .object({ endpointId, name: z.string(), lines: z.array(LogLine), dropped: count })
  .meta({ id: 'LogLines', description: 'Socket message `logs:lines` of rooms `logs:…`' })

export type LogLines = z.infer<typeof LogLines>
export type LogStream = z.infer<typeof LogStream>
export type LogLevel = z.infer<typeof LogLevel>
export type LogLine = z.infer<typeof LogLine>
export type LogPage = z.infer<typeof LogPage>
export type LogSearchStep = z.infer<typeof LogSearchStep>
export type LogSearchEnd = z.infer<typeof LogSearchEnd>
