import { texts } from '../../lib/texts.ts'
import { PageHeader } from '../../ui/page-header.tsx'

export function SetupPage() {
  return <PageHeader title={texts.nav.overview} />
}
