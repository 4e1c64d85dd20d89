import { Link, type LinkProps } from '@tanstack/react-router'
import { CircleAlert, RotateCw } from 'lucide-react'
import type { ReactNode } from 'react'
import { cn } from '../../lib/cn.ts'
import { formatCount } from '../../lib/format.ts'
import { texts } from '../../lib/texts.ts'
import type { OverviewCounts } from './filter-overview.ts'

const t = texts.overview.counts

interface Count {
  label: string
  value: ReactNode
  link: Pick<LinkProps, 'to' | 'search'>
  /** Coloured, with its icon, when it is not what one hopes for. */
  alarm?: 'critical' | 'warn' | null
}

/** Each count leads to the list it counts, filtered the same way. */
function toCounts(counts: OverviewCounts): Count[] {
  const { images, networks } = counts
  return [
    {
      label: t.endpoints,
      value: t.of(counts.endpointsUp, counts.endpoints),
      link: { to: '/settings', search: { tab: 'endpoints' } },
      alarm: counts.endpointsUp < counts.endpoints ? 'critical' : null,
    },
    { label: t.hosts, value: formatCount(counts.hosts), link: { to: '/hosts', search: {} } },
    { label: t.containers, value: formatCount(counts.containers), link: { to: '/containers', search: {} } },
    {
      label: t.running,
      value: formatCount(counts.running),
      link: { to: '/containers', search: { state: 'running' } },
    },
    {
      label: t.stopped,
      value: formatCount(counts.stopped),
      link: { to: '/containers', search: { state: 'stopped' } },
    },
    {
      label: t.unhealthy,
      value: formatCount(counts.unhealthy),
      link: { to: '/containers', search: { health: 'unhealthy' } },
      alarm: counts.unhealthy > 0 ? 'critical' : null,
    },
    {
      label: t.restarting,
      value: formatCount(counts.restarting),
      link: { to: '/containers', search: { state: 'restarting' } },
      alarm: counts.restarting > 0 ? 'warn' : null,
    },
    { label: t.stacks, value: formatCount(counts.stacks), link: { to: '/stacks', search: {} } },
    ...(images === null
      ? []
      : [
          {
            label: t.images,
            value: formatCount(images),
            link: { to: '/images', search: {} },
          } satisfies Count,
        ]),
    ...(networks === null
      ? []
      : [
          {
            label: t.networks,
            value: formatCount(networks),
            link: { to: '/networks', search: {} },
          } satisfies Count,
        ]),
  ]
}

export function CountStrip({ counts }: { counts: OverviewCounts }) {
  return (
    <nav
      aria-label={t.label}
      className="grid grid-cols-2 gap-px overflow-hidden rounded-lg border border-line bg-card sm:grid-cols-5 lg:grid-cols-[repeat(auto-fit,minmax(6.5rem,1fr))]"
    >
      {toCounts(counts).map(({ label, value, link, alarm }) => (
        <Link
          key={label}
          {...link}
          className="group px-3 py-2 shadow-[0_0_0_1px_var(--line)] -outline-offset-2 hover:bg-raised"
        >
          <span className="block truncate text-ink-2 text-xs group-hover:text-ink">{label}</span>
          <span
            className={cn(
              'tabular flex items-center gap-1.5 font-semibold text-xl',
              alarm === 'critical' && 'text-critical',
              alarm === 'warn' && 'text-warn',
            )}
          >
            {alarm === 'critical' ? <CircleAlert className="size-4" aria-hidden /> : null}
            {alarm === 'warn' ? <RotateCw className="size-4" aria-hidden /> : null}
            {value}
          </span>
        </Link>
      ))}
    </nav>
  )
}
