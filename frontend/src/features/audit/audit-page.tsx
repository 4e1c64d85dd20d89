import { texts } from '../../lib/texts.ts'
import { PageHeader } from '../../ui/page-header.tsx'

export function AuditPage() {
  return <PageHeader title={texts.nav.audit} />
}
