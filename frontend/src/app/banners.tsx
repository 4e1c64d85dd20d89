import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { Info, WifiOff } from 'lucide-react'
import { useEffect, useState } from 'react'
import { authQuery } from '../lib/api/queries.ts'
import { formatRelative } from '../lib/format.ts'
import { live } from '../lib/socket.ts'
import { texts } from '../lib/texts.ts'
import { useLiveStatus } from '../lib/use-live.ts'
import { useNow } from '../lib/use-now.ts'
import { Button } from '../ui/button.tsx'

/** A blip heals before anybody could read about it. */
const GRACE_MS = 2000

/** Says that live updates stopped and how old the page is; goes away by itself when they are back. */
export function ConnectionBanner() {
  const status = useLiveStatus()
  const now = useNow()
  const [late, setLate] = useState(false)
  const lostAt = status.state === 'lost' ? status.lostAt : null
  useEffect(() => {
    if (lostAt === null) return
    const timer = setTimeout(() => setLate(true), GRACE_MS)
    return () => {
      clearTimeout(timer)
      setLate(false)
    }
  }, [lostAt])
  if (lostAt === null || !late) return null
  return (
    <div role="status" className="flex items-center gap-2 bg-warn-soft px-3 py-1.5 text-sm md:px-6">
      <WifiOff className="size-4 shrink-0 text-warn" aria-hidden />
      <p className="min-w-0 flex-1">
        <strong className="font-semibold">{texts.live.lost}.</strong>{' '}
        {texts.live.lostHint(formatRelative(lostAt, Math.max(now, lostAt)))}
      </p>
      <Button size="sm" onClick={() => live.reconnect()}>
        {texts.live.retryNow}
      </Button>
    </div>
  )
}

/** Before the first admin exists the overview is readable; this leads to the form. */
export function PreviewBanner() {
  const auth = useQuery(authQuery).data
  if (!auth?.preview || auth.user) return null
  return (
    <div className="flex flex-wrap items-center gap-x-3 gap-y-1 bg-info-soft px-3 py-1.5 text-sm md:px-6">
      <Info className="size-4 shrink-0 text-info" aria-hidden />
      <p className="min-w-0 flex-1 basis-60">{texts.banner.preview}</p>
      <Button asChild variant="primary" size="sm">
        <Link to="/setup" search={{}}>
          {texts.banner.createAdmin}
        </Link>
      </Button>
    </div>
  )
}
