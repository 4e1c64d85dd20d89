import { texts } from '../../lib/texts.ts'
import { PageHeader } from '../../ui/page-header.tsx'

export function SystemPage() {
  return <PageHeader title={texts.nav.system} />
}
