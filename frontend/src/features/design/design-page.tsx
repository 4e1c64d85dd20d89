import { texts } from '../../lib/texts.ts'
import { PageHeader } from '../../ui/page-header.tsx'

export function DesignPage() {
  return <PageHeader title={texts.nav.design} />
}
