import { Link } from '@tanstack/react-router'
import type { TopItem } from '../../lib/api/types.ts'
import { formatValue } from '../../lib/format.ts'
import { texts } from '../../lib/texts.ts'
import { Card, CardHeader } from '../../ui/card.tsx'
import { Sparkline } from '../../ui/sparkline.tsx'

const t = texts.overview.top
const SHOWN = 6
/** Puts an even load at the middle of its row, in line with the name. */
const HEADROOM = 2

/** The containers that use the most, with the shape of the last minutes. */
export function TopCard({ title, items }: { title: string; items: readonly TopItem[] }) {
  return (
    <Card>
      <CardHeader title={title} />
      {items.length === 0 ? (
        <p className="px-4 pb-4 text-ink-2 text-sm">{t.empty}</p>
      ) : (
        <ol className="px-4 pb-3">
          {items.slice(0, SHOWN).map((item) => (
            <li
              key={`${item.endpointId}/${item.name}`}
              className="grid h-7 grid-cols-[minmax(0,1fr)_3.5rem_4.25rem] items-center gap-3 text-sm"
            >
              <Link
                to="/containers/$endpointId/$containerName"
                params={{ endpointId: item.endpointId, containerName: item.name }}
                search={{}}
                title={item.stack === null ? item.name : `${item.stack} / ${item.name}`}
                className="truncate hover:text-accent hover:underline"
              >
                {item.name}
              </Link>
              <Sparkline
                values={item.spark}
                maximum={HEADROOM * Math.max(...item.spark)}
                className="h-5 w-full"
              />
              <span className="tabular whitespace-nowrap text-right">
                {formatValue(item.value, item.unit)}
              </span>
            </li>
          ))}
        </ol>
      )}
    </Card>
  )
}
