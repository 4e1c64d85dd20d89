import { texts } from '../../lib/texts.ts'
import { PageHeader } from '../../ui/page-header.tsx'

export function EventsPage() {
  return <PageHeader title={texts.nav.events} />
}
