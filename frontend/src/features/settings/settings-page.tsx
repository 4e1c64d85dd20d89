import { getRouteApi } from '@tanstack/react-router'
import { useCan, useUser } from '../../lib/auth.ts'
import { texts } from '../../lib/texts.ts'
import { PageHeader } from '../../ui/page-header.tsx'
import { Tabs } from '../../ui/tabs.tsx'
import { AccountTab } from './account-tab.tsx'
import { EndpointsTab } from './endpoints-tab.tsx'
import { SETTINGS_TABS } from './settings-search.ts'
import { SettingsTab } from './settings-tab.tsx'
import { TokensTab } from './tokens-tab.tsx'
import { UsersTab } from './users-tab.tsx'

const t = texts.settings
const route = getRouteApi('/app/settings')

/** What somebody who is not an admin can change is their own. */
const OWN_TABS = ['tokens', 'sessions'] as const

export function SettingsPage() {
  const { tab: asked } = route.useSearch()
  const navigate = route.useNavigate()
  const isAdmin = useCan('admin')
  const user = useUser()
  const tabs = isAdmin || !user ? SETTINGS_TABS : OWN_TABS
  const tab = asked ?? tabs[0]
  return (
    <>
      <PageHeader title={t.title} />
      <Tabs
        label={t.title}
        items={tabs.map((value) => ({ value, label: t.tabs[value] }))}
        value={tab}
        onChange={(next) => void navigate({ search: (before) => ({ ...before, tab: next }) })}
      >
        {tab === 'general' ? <SettingsTab groups={['general', 'access']} /> : null}
        {tab === 'retention' ? <SettingsTab groups={['retention']} hint={t.retentionHint} /> : null}
        {tab === 'backups' ? <SettingsTab groups={['backups']} /> : null}
        {tab === 'endpoints' ? <EndpointsTab /> : null}
        {tab === 'users' ? <UsersTab /> : null}
        {tab === 'tokens' ? <TokensTab /> : null}
        {tab === 'sessions' ? <AccountTab /> : null}
      </Tabs>
    </>
  )
}
