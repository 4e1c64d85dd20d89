import { texts } from '../../lib/texts.ts'
import { PageHeader } from '../../ui/page-header.tsx'
import { Controls } from './controls.tsx'
import { Feedback } from './feedback.tsx'
import { Swatches } from './swatches.tsx'

/** Every primitive in both themes, side by side. Built in development only. */
export function DesignPage() {
  return (
    <>
      <PageHeader title={texts.nav.design} hint="Every primitive, in dark and in light" />
      <div className="grid gap-4 xl:grid-cols-2">
        {(['dark', 'light'] as const).map((theme) => (
          <div
            key={theme}
            data-theme={theme}
            className="grid content-start gap-4 rounded-lg bg-page p-4 text-ink"
          >
            <h2 className="text-lg">{theme}</h2>
            <Swatches />
            <Controls />
            <Feedback />
          </div>
        ))}
      </div>
    </>
  )
}
