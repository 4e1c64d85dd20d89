import { texts } from '../../lib/texts.ts'
import { PageHeader } from '../../ui/page-header.tsx'

export function NetworksPage() {
  return <PageHeader title={texts.nav.networks} />
}
