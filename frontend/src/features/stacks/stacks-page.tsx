import { texts } from '../../lib/texts.ts'
import { PageHeader } from '../../ui/page-header.tsx'

export function StacksPage() {
  return <PageHeader title={texts.nav.stacks} />
}
