import { Link } from '@tanstack/react-router'
import { PanelLeftClose, PanelLeftOpen } from 'lucide-react'
import { useState } from 'react'
import { cn } from '../lib/cn.ts'
import { texts } from '../lib/texts.ts'
import { BrandMark } from '../ui/brand-mark.tsx'
import { Button } from '../ui/button.tsx'
import { useNav } from './nav.ts'

interface NavListProps {
  /** Icons only; the words stay as names and tooltips. */
  narrow?: boolean
  onNavigate?: () => void
}

export function NavList({ narrow = false, onNavigate }: NavListProps) {
  return (
    <div className="flex flex-col gap-4">
      {useNav().map((group) => (
        <div key={group.label}>
          <p
            className={cn(
              'mb-1 px-2 font-medium text-2xs text-ink-3',
              narrow && 'h-px overflow-hidden bg-line px-0 text-transparent',
            )}
          >
            {group.label}
          </p>
          <ul className="flex flex-col gap-px">
            {group.items.map((item) => (
              <li key={item.to}>
                <Link
                  to={item.to}
                  activeOptions={{ exact: item.to === '/', includeSearch: false }}
                  onClick={onNavigate}
                  title={narrow ? item.label : undefined}
                  className={cn(
                    'flex h-8 items-center gap-2.5 rounded-md px-2 text-ink-2 text-sm hover:bg-raised hover:text-ink',
                    'aria-[current=page]:bg-accent-soft aria-[current=page]:font-medium aria-[current=page]:text-ink',
                    narrow && 'justify-center',
                  )}
                >
                  <item.icon className="size-4 shrink-0" aria-hidden />
                  <span className={cn(narrow && 'sr-only')}>{item.label}</span>
                </Link>
              </li>
            ))}
          </ul>
        </div>
      ))}
    </div>
  )
}

const KEY = 'holdfast.sidebar'

function storedNarrow(): boolean {
  try {
    return localStorage.getItem(KEY) === 'narrow'
  } catch {
    // Storage may be blocked by the browser; wide is the default then.
    return false
  }
}

export function Sidebar() {
  const [narrow, setNarrow] = useState(storedNarrow)
  const toggle = () => {
    setNarrow(!narrow)
    try {
      localStorage.setItem(KEY, narrow ? 'wide' : 'narrow')
    } catch {
      // As above: without storage the width is not kept.
    }
  }
  return (
    <nav
      aria-label={texts.nav.label}
      className={cn(
        'sticky top-0 hidden h-dvh shrink-0 flex-col border-line border-r bg-card md:flex',
        narrow ? 'w-14' : 'w-52',
      )}
    >
      <Link
        to="/"
        className={cn('flex h-12 items-center gap-2.5 px-4 font-semibold', narrow && 'justify-center px-0')}
      >
        <BrandMark className="size-6 shrink-0" />
        <span className={cn(narrow && 'sr-only')}>{texts.app.name}</span>
      </Link>
      <div className="min-h-0 flex-1 overflow-y-auto px-2 py-2">
        <NavList narrow={narrow} />
      </div>
      <div className={cn('flex p-2', narrow ? 'justify-center' : 'justify-end')}>
        <Button
          variant="ghost"
          size="icon"
          aria-label={narrow ? texts.nav.expand : texts.nav.collapse}
          onClick={toggle}
        >
          {narrow ? <PanelLeftOpen aria-hidden /> : <PanelLeftClose aria-hidden />}
        </Button>
      </div>
    </nav>
  )
}
