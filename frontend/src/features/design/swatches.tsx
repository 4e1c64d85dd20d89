import { Card, CardBody, CardHeader } from '../../ui/card.tsx'
import { Sparkline } from '../../ui/sparkline.tsx'

const SURFACES = [
  '--page',
  '--card',
  '--raised',
  '--line',
  '--line-strong',
  '--accent-solid',
  '--accent-soft',
]
const INKS = [
  '--ink',
  '--ink-2',
  '--ink-3',
  '--accent',
  '--ok',
  '--warn',
  '--critical',
  '--info',
  '--unknown',
]
const CHARTS = [1, 2, 3, 4, 5, 6, 7, 8].map((index) => `--chart-${index}`)
const WAVE = Array.from({ length: 30 }, (_, index) => 3 + Math.sin(index / 3) + (index % 5) / 4)

export function Swatches() {
  return (
    <Card>
      <CardHeader title="Colour and type" />
      <CardBody className="grid gap-3">
        <ul className="flex flex-wrap gap-2">
          {SURFACES.map((name) => (
            <li key={name} className="text-xs">
              <span
                className="block size-12 rounded-md border border-line"
                style={{ background: `var(${name})` }}
              />
              {name.slice(2)}
            </li>
          ))}
        </ul>
        <ul className="flex flex-wrap gap-3">
          {INKS.map((name) => (
            <li key={name} className="font-medium" style={{ color: `var(${name})` }}>
              {name.slice(2)}
            </li>
          ))}
        </ul>
        <ul className="flex flex-wrap gap-3">
          {CHARTS.map((name) => (
            <li key={name} className="text-xs">
              <Sparkline values={WAVE} color={`var(${name})`} />
              {name.slice(2)}
            </li>
          ))}
        </ul>
        <div>
          <p className="text-figure tabular">1,234.5</p>
          <p className="text-xl">Page title 20/24</p>
          <p>Text 14, Inter; figures are tabular: 0123456789</p>
          <p className="text-sm">Tables 13</p>
          <p className="mono">JetBrains Mono: sha256:9c1f0e22</p>
        </div>
      </CardBody>
    </Card>
  )
}
