import { z } from 'zod'
import { jsonValue, pageOf, pageQuery } from '../core/http/route.ts'

export const AuditEntry = z
  .object({
    id: z.string(),
    at: z.string(),
    userId: z.string().nullable(),
    username: z.string().nullable(),
    action: z.string(),
    targetType: z.string().nullable(),
    targetId: z.string().nullable(),
    details: jsonValue.meta({
      description: 'Outcome, and before and after where sensible; secrets redacted',
    }),
    ipAddress: z.string().nullable(),
    requestId: z.string().nullable(),
  })
  .meta({ id: 'AuditEntry' })

export const AuditPage = pageOf(AuditEntry).meta({ id: 'AuditPage' })

const instant = z.iso.datetime({ offset: true })

export const auditQuery = pageQuery.extend({
  action: z
    .string()
    .max(100)
    .optional()
    .meta({ description: 'Exact, or with a trailing dot everything below it' }),
  username: z.string().max(64).optional(),
  targetType: z.string().max(64).optional(),
  from: instant.optional(),
  to: instant.optional(),
})
export type AuditFilter = Omit<z.output<typeof auditQuery>, 'limit' | 'cursor'>
