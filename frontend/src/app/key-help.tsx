import { texts } from '../lib/texts.ts'
import { Dialog } from '../ui/dialog.tsx'
import { Kbd } from '../ui/kbd.tsx'
import { useNav } from './nav.ts'

const GENERAL: readonly { keys: readonly string[]; text: string }[] = [
  { keys: ['Ctrl', 'K'], text: texts.keys.palette },
  { keys: ['/'], text: texts.keys.search },
  { keys: ['t'], text: texts.keys.theme },
  { keys: ['?'], text: texts.keys.help },
  { keys: ['Esc'], text: texts.keys.close },
]

export function KeyHelp({ open, onClose }: { open: boolean; onClose: () => void }) {
  const pages = useNav().flatMap((group) => group.items)
  return (
    <Dialog open={open} onClose={onClose} title={texts.keys.title} shape="wide">
      <div className="grid gap-6 sm:grid-cols-2">
        <KeyList title={texts.keys.general} rows={GENERAL} />
        <KeyList
          title={texts.keys.go}
          rows={pages.map((page) => ({ keys: ['g', page.key], text: page.label }))}
        />
      </div>
    </Dialog>
  )
}

function KeyList({
  title,
  rows,
}: {
  title: string
  rows: readonly { keys: readonly string[]; text: string }[]
}) {
  return (
    <section>
      <h3 className="mb-2 font-medium text-ink-3 text-xs">{title}</h3>
      <dl className="grid grid-cols-[1fr_auto] items-center gap-x-4 gap-y-1.5 text-sm">
        {rows.map((row) => (
          <div key={row.text} className="contents">
            <dt>{row.text}</dt>
            <dd className="flex gap-1">
              {row.keys.map((key) => (
                <Kbd key={key}>{key}</Kbd>
              ))}
            </dd>
          </div>
        ))}
      </dl>
    </section>
  )
}
