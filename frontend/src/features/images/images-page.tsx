import { texts } from '../../lib/texts.ts'
import { PageHeader } from '../../ui/page-header.tsx'

export function ImagesPage() {
  return <PageHeader title={texts.nav.images} />
}
