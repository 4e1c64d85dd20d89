import type { LinkProps } from '@tanstack/react-router'
import type { LucideIcon } from 'lucide-react'
import {
  Activity,
  Archive,
  Boxes,
  Database,
  Gauge,
  Info,
  Layers,
  Network,
  Package,
  ScrollText,
  Server,
  Settings,
  Stethoscope,
} from 'lucide-react'
import { useMemo } from 'react'
import { useCan, useUser } from '../lib/auth.ts'
import { texts } from '../lib/texts.ts'

export interface NavItem {
  to: NonNullable<LinkProps['to']>
  label: string
  icon: LucideIcon
  /** Second key after `g`. */
  key: string
  /** What the server refuses to others is not offered to them. */
  adminOnly?: true
}

interface NavGroup {
  label: string
  items: readonly NavItem[]
}

/** The sidebar by intent. A page is listed when it exists. */
const NAV: readonly NavGroup[] = [
  {
    label: texts.nav.fleet,
    items: [
      { to: '/', label: texts.nav.overview, icon: Gauge, key: 'o' },
      { to: '/hosts', label: texts.nav.hosts, icon: Server, key: 'h' },
      { to: '/containers', label: texts.nav.containers, icon: Boxes, key: 'c' },
      { to: '/stacks', label: texts.nav.stacks, icon: Layers, key: 's' },
      { to: '/images', label: texts.nav.images, icon: Package, key: 'i' },
      { to: '/networks', label: texts.nav.networks, icon: Network, key: 'n' },
    ],
  },
  {
    label: texts.nav.observe,
    items: [{ to: '/events', label: texts.nav.events, icon: Activity, key: 'e' }],
  },
  {
    label: texts.nav.operate,
    items: [
      { to: '/storage', label: texts.nav.storage, icon: Database, key: 'd', adminOnly: true },
      { to: '/backups', label: texts.nav.backups, icon: Archive, key: 'b', adminOnly: true },
    ],
  },
  {
    label: texts.nav.admin,
    items: [
      { to: '/audit', label: texts.nav.audit, icon: ScrollText, key: 'a', adminOnly: true },
      { to: '/settings', label: texts.nav.settings, icon: Settings, key: ',' },
      { to: '/system', label: texts.nav.system, icon: Info, key: 'y' },
      { to: '/doctor', label: texts.nav.doctor, icon: Stethoscope, key: 'm', adminOnly: true },
    ],
  },
]

/** The pages that this user may open; before the first admin exists, all that there will be. */
export function useNav(): readonly NavGroup[] {
  const isAdmin = useCan('admin')
  const everything = useUser() === null || isAdmin
  return useMemo(
    () =>
      everything
        ? NAV
        : NAV.map(({ label, items }) => ({ label, items: items.filter((item) => !item.adminOnly) })).filter(
            ({ items }) => items.length > 0,
          ),
    [everything],
  )
}
