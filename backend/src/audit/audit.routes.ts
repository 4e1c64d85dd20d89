import { defineRoute, type Route } from '../core/http/route.ts'
import { AuditPage, auditQuery } from './audit.schema.ts'
import type { AuditService } from './audit.service.ts'

export function auditRoutes(deps: { audit: AuditService }): Route[] {
  return [
    defineRoute(
      {
        method: 'get',
        path: '/api/audit',
        summary: 'Who changed what, newest first',
        tags: ['Audit'],
        access: 'admin',
        query: auditQuery,
        responses: { 200: AuditPage },
      },
      ({ query }) => deps.audit.list(query),
    ),
  ]
}
