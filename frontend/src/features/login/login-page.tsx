import { texts } from '../../lib/texts.ts'
import { PageHeader } from '../../ui/page-header.tsx'

export function LoginPage() {
  return <PageHeader title={texts.nav.overview} />
}
