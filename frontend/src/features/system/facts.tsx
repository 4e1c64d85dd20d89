import type { ReactNode } from 'react'
import { Card, CardHeader } from '../../ui/card.tsx'

interface FactsProps {
  title: string
  rows: readonly (readonly [label: string, value: ReactNode])[]
}

/** A card of names and values. */
export function Facts({ title, rows }: FactsProps) {
  return (
    <Card>
      <CardHeader title={title} />
      <dl className="grid grid-cols-[auto_1fr] gap-x-6 gap-y-1.5 px-4 pb-4 text-sm">
        {rows.map(([label, value]) => (
          <div key={label} className="contents">
            <dt className="text-ink-2">{label}</dt>
            <dd className="tabular text-right">{value}</dd>
          </div>
        ))}
      </dl>
    </Card>
  )
}
