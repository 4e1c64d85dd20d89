import { Link } from '@tanstack/react-router'
import { Boxes } from 'lucide-react'
import { type KeyboardEvent, memo, useMemo } from 'react'
import type { HeatCell, HostSummary } from '../../lib/api/types.ts'
import { cn } from '../../lib/cn.ts'
import { formatCount } from '../../lib/format.ts'
import { texts } from '../../lib/texts.ts'
import { TONE_FILL, type Tone } from '../../ui/badge.tsx'
import { Button } from '../../ui/button.tsx'
import { Card, CardHeader } from '../../ui/card.tsx'
import { containerLook } from '../../ui/fleet-status.tsx'
import { EmptyState } from '../../ui/states.tsx'
import { groupHeat, type HeatGroup } from './heat-groups.ts'

const t = texts.overview.heat
const LEGEND: readonly Tone[] = ['ok', 'info', 'warn', 'critical', 'unknown']
/** A sign inside the cell, for those who cannot tell the colours apart. */
const SIGN: Record<Tone, string> = { ok: '', info: '…', warn: '↻', critical: '!', unknown: '' }

interface HeatCardProps {
  cells: readonly HeatCell[]
  hosts: readonly HostSummary[]
  isFiltered: boolean
}

/** One cell for each container, by stack; the colour is its health. */
export function HeatCard({ cells, hosts, isFiltered }: HeatCardProps) {
  const groups = useMemo(() => groupHeat(cells), [cells])
  const isOne = new Set(cells.map((cell) => cell.endpointId)).size < 2
  const hostName = (id: number) => (isOne ? undefined : hosts.find((host) => host.endpointId === id)?.name)
  const places = new Map<string | null, number>()
  for (const { stack } of groups) places.set(stack, (places.get(stack) ?? 0) + 1)
  const size = cells.length > 1500 ? 'size-2.5' : cells.length > 400 ? 'size-3.5' : 'size-4.5'
  return (
    <Card>
      <CardHeader title={t.title} actions={<Legend cells={cells} />} className="flex-wrap" />
      {cells.length === 0 ? (
        <EmptyHeat isFiltered={isFiltered} />
      ) : (
        // biome-ignore lint/a11y/noStaticElementInteractions: arrow keys move between the links inside, which do the acting.
        <div
          className="grid max-h-112 grid-cols-[repeat(auto-fill,minmax(7.25rem,1fr))] gap-x-4 gap-y-3 overflow-y-auto px-4 pt-0.5 pb-4"
          onKeyDown={moveFocus}
        >
          {groups.map((group, index) => (
            <Group
              key={group.key}
              group={group}
              host={hostName(group.endpointId)}
              isNamesake={(places.get(group.stack) ?? 0) > 1}
              size={size}
              isFirst={index === 0}
            />
          ))}
        </div>
      )}
    </Card>
  )
}

function EmptyHeat({ isFiltered }: { isFiltered: boolean }) {
  if (isFiltered) return <EmptyState icon={Boxes} title={t.emptyFiltered} />
  return (
    <EmptyState
      icon={Boxes}
      title={t.empty}
      command={t.emptyCommand}
      actions={
        <Button asChild>
          <Link to="/settings" search={{ tab: 'endpoints' }}>
            {t.addEndpoint}
          </Link>
        </Button>
      }
    >
      {t.emptyHint}
    </EmptyState>
  )
}

function Legend({ cells }: { cells: readonly HeatCell[] }) {
  const present = new Set(cells.map((cell) => containerLook(cell.state, cell.health, cell.exitCode).tone))
  return (
    <ul className="flex flex-wrap gap-x-2.5 gap-y-1 text-2xs text-ink-2">
      {LEGEND.filter((tone) => present.has(tone)).map((tone) => (
        <li key={tone} className="flex items-center gap-1">
          <span className={cn('size-2.5 rounded-xs', TONE_FILL[tone])} aria-hidden />
          {t.legend[tone]}
        </li>
      ))}
    </ul>
  )
}

interface GroupProps {
  group: HeatGroup
  /** Where it is, when there is more than one place. */
  host: string | undefined
  /** A stack of this name is elsewhere too. */
  isNamesake: boolean
  size: string
  isFirst: boolean
}

const Group = memo(function Group({ group, host, isNamesake, size, isFirst }: GroupProps) {
  return (
    <section className="min-w-0">
      <h3 className="mb-1 flex items-baseline gap-1.5 font-normal text-xs">
        {group.stack === null ? (
          <span className="truncate text-ink-3" title={host}>
            {host === undefined ? t.noStack : t.onHost(host)}
          </span>
        ) : (
          <Link
            to="/stacks/$endpointId/$stackName"
            params={{ endpointId: group.endpointId, stackName: group.stack }}
            search={{}}
            title={host === undefined ? group.stack : t.stackOn(group.stack, host)}
            className="truncate text-ink-2 hover:text-ink hover:underline"
          >
            {isNamesake && host !== undefined ? t.namesake(group.stack, host) : group.stack}
          </Link>
        )}
        <span className="tabular text-ink-3">{formatCount(group.cells.length)}</span>
      </h3>
      <ul className="flex flex-wrap gap-1">
        {group.cells.map((cell, index) => (
          <Cell
            key={cell.id}
            cell={cell}
            size={size}
            // One stop of the Tab key for the whole grid; arrows go on from there.
            tabIndex={isFirst && index === 0 ? 0 : -1}
          />
        ))}
      </ul>
    </section>
  )
})

const Cell = memo(function Cell({
  cell,
  size,
  tabIndex,
}: {
  cell: HeatCell
  size: string
  tabIndex: number
}) {
  const { tone, label } = containerLook(cell.state, cell.health, cell.exitCode)
  return (
    <li>
      <Link
        to="/containers/$endpointId/$containerName"
        params={{ endpointId: cell.endpointId, containerName: cell.name }}
        search={{}}
        preload={false}
        tabIndex={tabIndex}
        title={`${cell.name}: ${label}`}
        aria-label={`${cell.name}: ${label}`}
        data-heat-cell
        className={cn(
          'grid place-items-center rounded-xs font-bold text-2xs text-black leading-none hover:ring-2 hover:ring-ink',
          size,
          TONE_FILL[tone],
        )}
      >
        {size === 'size-2.5' ? '' : SIGN[tone]}
      </Link>
    </li>
  )
})

/** Left and right walk through the cells; up and down go to the cell nearest above or below. */
function moveFocus(event: KeyboardEvent<HTMLDivElement>) {
  if (!['ArrowLeft', 'ArrowRight', 'ArrowUp', 'ArrowDown'].includes(event.key)) return
  const cells = [...event.currentTarget.querySelectorAll<HTMLElement>('[data-heat-cell]')]
  const focused = document.activeElement
  const at = focused instanceof HTMLElement ? cells.indexOf(focused) : -1
  if (at < 0) return
  event.preventDefault()
  if (event.key === 'ArrowLeft' || event.key === 'ArrowRight') {
    cells[at + (event.key === 'ArrowLeft' ? -1 : 1)]?.focus()
    return
  }
  nearest(cells, at, event.key === 'ArrowUp' ? -1 : 1)?.focus()
}

function nearest(cells: readonly HTMLElement[], at: number, direction: -1 | 1): HTMLElement | undefined {
  const from = cells[at]?.getBoundingClientRect()
  if (!from) return undefined
  let best: { cell: HTMLElement; distance: number } | undefined
  for (const cell of cells) {
    const box = cell.getBoundingClientRect()
    const down = (box.top - from.top) * direction
    if (down < 1) continue
    // Rows before columns: a cell one row away beats one further off that lines up better.
    const distance = down * 10 + Math.abs(box.left - from.left)
    if (!best || distance < best.distance) best = { cell, distance }
  }
  return best?.cell
}
