import { useQuery } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { Command } from 'cmdk'
import { Boxes, Keyboard, type LucideIcon, Server, SunMoon } from 'lucide-react'
import { type ReactNode, useDeferredValue, useRef, useState } from 'react'
import { api, unwrap } from '../lib/api/client.ts'
import { texts } from '../lib/texts.ts'
import { toggleTheme } from '../lib/theme.ts'
import { useNav } from './nav.ts'
import { PALETTE_INPUT, PaletteField, PaletteFrame } from './palette-frame.tsx'

const MAX_OBJECTS = 8

interface CommandPaletteProps {
  initialText: string
  onClose: () => void
  onHelp: () => void
}

/** Ctrl/⌘K: objects of the fleet first, then pages, then actions. The server searches the containers. */
export function CommandPalette({ initialText, onClose, onHelp }: CommandPaletteProps) {
  const [text, setText] = useState(initialText)
  // The first entry is chosen until somebody moves on from it: entries that arrive later go above the others.
  const [moved, setMoved] = useState<string | null>(null)
  const isMoving = useRef(false)
  const query = useDeferredValue(text.trim())
  const navigate = useNavigate()
  const nav = useNav()

  const containers = useQuery({
    queryKey: ['palette', 'containers', query],
    queryFn: ({ signal }) =>
      unwrap(api.GET('/api/containers', { params: { query: { q: query, limit: MAX_OBJECTS } }, signal })),
    enabled: query !== '',
    placeholderData: (previous) => previous,
  })
  const hosts = useQuery({
    queryKey: ['hosts'],
    queryFn: ({ signal }) => unwrap(api.GET('/api/hosts', { signal })),
  })

  const needle = query.toLowerCase()
  const matches = (label: string) => needle === '' || label.toLowerCase().includes(needle)
  const foundContainers = query === '' ? [] : (containers.data?.items ?? [])
  const foundHosts = (hosts.data?.items ?? []).filter((host) => matches(host.name)).slice(0, MAX_OBJECTS)
  const pages = nav.flatMap((group) => group.items).filter((item) => matches(item.label))
  const actions = [
    { label: texts.keys.theme, icon: SunMoon, run: toggleTheme },
    { label: texts.keys.help, icon: Keyboard, run: onHelp },
  ].filter((action) => matches(action.label))

  const ids = [
    ...foundContainers.map((container) => `container/${container.endpointId}/${container.id}`),
    ...foundHosts.map((host) => `host/${host.endpointId}`),
    ...pages.map((page) => `page/${page.to}`),
    ...actions.map((action) => `action/${action.label}`),
  ]
  const selected = moved !== null && ids.includes(moved) ? moved : (ids[0] ?? '')

  const choose = (act: () => void) => () => {
    onClose()
    act()
  }

  return (
    <PaletteFrame onClose={onClose}>
      <Command
        shouldFilter={false}
        label={texts.keys.palette}
        loop
        value={selected}
        onValueChange={(value) => {
          if (isMoving.current) setMoved(value)
        }}
        onKeyDownCapture={(event) => {
          isMoving.current = event.key.startsWith('Arrow') || event.key === 'Home' || event.key === 'End'
        }}
        onPointerMoveCapture={() => {
          isMoving.current = true
        }}
      >
        <PaletteField>
          <Command.Input
            autoFocus
            value={text}
            onValueChange={(next) => {
              setText(next)
              setMoved(null)
              isMoving.current = false
            }}
            placeholder={texts.palette.placeholder}
            className={PALETTE_INPUT}
          />
        </PaletteField>
        <Command.List className="max-h-[55dvh] overflow-y-auto p-1">
          <Command.Empty className="px-3 py-8 text-center text-ink-2 text-sm">
            {texts.palette.nothing}
          </Command.Empty>
          {foundContainers.length > 0 ? (
            <Group heading={texts.palette.objects}>
              {foundContainers.map((container) => (
                <Item
                  key={`${container.endpointId}/${container.id}`}
                  value={`container/${container.endpointId}/${container.id}`}
                  icon={Boxes}
                  hint={`${container.endpointName} · ${container.state}`}
                  onSelect={choose(
                    () =>
                      void navigate({
                        to: '/containers/$endpointId/$containerName',
                        params: { endpointId: container.endpointId, containerName: container.name },
                      }),
                  )}
                >
                  {container.name}
                </Item>
              ))}
            </Group>
          ) : null}
          {foundHosts.length > 0 ? (
            <Group heading={texts.palette.hosts}>
              {foundHosts.map((host) => (
                <Item
                  key={host.endpointId}
                  value={`host/${host.endpointId}`}
                  icon={Server}
                  hint={host.status}
                  onSelect={choose(
                    () =>
                      void navigate({ to: '/hosts/$endpointId', params: { endpointId: host.endpointId } }),
                  )}
                >
                  {host.name}
                </Item>
              ))}
            </Group>
          ) : null}
          {pages.length > 0 ? (
            <Group heading={texts.palette.pages}>
              {pages.map((page) => (
                <Item
                  key={page.to}
                  value={`page/${page.to}`}
                  icon={page.icon}
                  hint={`g ${page.key}`}
                  onSelect={choose(() => void navigate({ to: page.to }))}
                >
                  {page.label}
                </Item>
              ))}
            </Group>
          ) : null}
          {actions.length > 0 ? (
            <Group heading={texts.palette.actions}>
              {actions.map((action) => (
                <Item
                  key={action.label}
                  value={`action/${action.label}`}
                  icon={action.icon}
                  onSelect={choose(action.run)}
                >
                  {action.label}
                </Item>
              ))}
            </Group>
          ) : null}
        </Command.List>
      </Command>
    </PaletteFrame>
  )
}

function Group({ heading, children }: { heading: string; children: ReactNode }) {
  return (
    <Command.Group
      heading={heading}
      className="[&_[cmdk-group-heading]]:px-2 [&_[cmdk-group-heading]]:py-1 [&_[cmdk-group-heading]]:font-medium [&_[cmdk-group-heading]]:text-2xs [&_[cmdk-group-heading]]:text-ink-3"
    >
      {children}
    </Command.Group>
  )
}

interface ItemProps {
  value: string
  icon: LucideIcon
  hint?: string
  onSelect: () => void
  children: ReactNode
}

function Item({ value, icon: Icon, hint, onSelect, children }: ItemProps) {
  return (
    <Command.Item
      value={value}
      onSelect={onSelect}
      className="flex min-h-8 cursor-default items-center gap-2 rounded-md px-2 text-sm data-[selected=true]:bg-raised"
    >
      <Icon className="size-4 shrink-0 text-ink-3" aria-hidden />
      <span className="min-w-0 flex-1 truncate">{children}</span>
      {hint === undefined ? null : <span className="shrink-0 text-ink-3 text-xs">{hint}</span>}
    </Command.Item>
  )
}
