import { Outlet } from '@tanstack/react-router'
import { Menu as MenuIcon, Search } from 'lucide-react'
import { lazy, Suspense, useState } from 'react'
import { texts } from '../lib/texts.ts'
import { Button } from '../ui/button.tsx'
import { Dialog } from '../ui/dialog.tsx'
import { Kbd } from '../ui/kbd.tsx'
import { AccountMenu } from './account-menu.tsx'
import { ConnectionBanner, PreviewBanner } from './banners.tsx'
import { Breadcrumbs } from './breadcrumbs.tsx'
import { EndpointSwitcher } from './endpoint-switcher.tsx'
import { useFleetLive } from './fleet-live.ts'
import { KeyHelp } from './key-help.tsx'
import { PaletteLoading } from './palette-frame.tsx'
import { NavList, Sidebar } from './sidebar.tsx'
import { useShortcuts } from './use-shortcuts.ts'

const CommandPalette = lazy(() =>
  import('./command-palette.tsx').then((module) => ({ default: module.CommandPalette })),
)

type Overlay = 'palette' | 'help' | 'nav' | null

export function AppLayout() {
  const [overlay, setOverlay] = useState<Overlay>(null)
  // What is typed while the palette's code is on its way.
  const [typedAhead, setTypedAhead] = useState('')
  const close = () => {
    setOverlay(null)
    setTypedAhead('')
  }
  useFleetLive()
  useShortcuts({
    onPalette: () => setOverlay((shown) => (shown === 'palette' ? null : 'palette')),
    onHelp: () => setOverlay('help'),
  })
  return (
    <div className="flex min-h-dvh">
      <a
        href="#content"
        className="sr-only z-50 rounded-md bg-accent-solid text-on-accent focus:not-sr-only focus:fixed focus:top-2 focus:left-2 focus:px-3 focus:py-1.5"
      >
        {texts.app.skip}
      </a>
      <Sidebar />
      <div className="flex min-w-0 flex-1 flex-col">
        <header className="sticky top-0 z-30 border-line border-b bg-page">
          <div className="flex h-12 items-center gap-2 px-3 md:px-6">
            <Button
              variant="ghost"
              size="icon"
              className="md:hidden"
              aria-label={texts.nav.open}
              onClick={() => setOverlay('nav')}
            >
              <MenuIcon aria-hidden />
            </Button>
            <Breadcrumbs />
            <EndpointSwitcher />
            <Button
              className="px-2 text-ink-3 sm:w-44 sm:justify-start"
              onClick={() => setOverlay('palette')}
            >
              <Search aria-hidden />
              <span className="sr-only text-left sm:not-sr-only sm:flex-1">{texts.palette.open}</span>
              <span className="hidden gap-0.5 sm:flex" aria-hidden>
                <Kbd>Ctrl</Kbd>
                <Kbd>K</Kbd>
              </span>
            </Button>
            <AccountMenu />
          </div>
          <PreviewBanner />
          <ConnectionBanner />
        </header>
        <main
          id="content"
          tabIndex={-1}
          className="mx-auto w-full max-w-[1600px] flex-1 p-3 outline-none md:px-6 md:py-5"
        >
          <Outlet />
        </main>
      </div>
      <Dialog open={overlay === 'nav'} onClose={close} title={texts.app.name} shape="sheet">
        <nav aria-label={texts.nav.label}>
          <NavList onNavigate={close} />
        </nav>
      </Dialog>
      <KeyHelp open={overlay === 'help'} onClose={close} />
      {overlay === 'palette' ? (
        <Suspense fallback={<PaletteLoading text={typedAhead} onText={setTypedAhead} onClose={close} />}>
          <CommandPalette initialText={typedAhead} onClose={close} onHelp={() => setOverlay('help')} />
        </Suspense>
      ) : null}
    </div>
  )
}
