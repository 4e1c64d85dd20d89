import { texts } from '../../lib/texts.ts'
import { PageHeader } from '../../ui/page-header.tsx'

export function SettingsPage() {
  return <PageHeader title={texts.nav.settings} />
}
