import { texts } from '../../lib/texts.ts'
import { PageHeader } from '../../ui/page-header.tsx'

export function ContainersPage() {
  return <PageHeader title={texts.nav.containers} />
}
