import { texts } from '../../lib/texts.ts'
import { PageHeader } from '../../ui/page-header.tsx'

export function HostsPage() {
  return <PageHeader title={texts.nav.hosts} />
}
