import { texts } from '../../lib/texts.ts'
import { PageHeader } from '../../ui/page-header.tsx'

export function ContainerPage() {
  return <PageHeader title={texts.nav.containers} />
}
