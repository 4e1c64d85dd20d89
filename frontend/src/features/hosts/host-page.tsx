import { texts } from '../../lib/texts.ts'
import { PageHeader } from '../../ui/page-header.tsx'

export function HostPage() {
  return <PageHeader title={texts.nav.host} />
}
