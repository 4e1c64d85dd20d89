import { PasswordCard } from './password-card.tsx'
import { SessionsCard } from './sessions-card.tsx'
import { StartPageCard } from './start-page-card.tsx'

/** What belongs to the person signed in: the password, the start page and the sessions. */
export function AccountTab() {
  return (
    <div className="grid max-w-4xl gap-3">
      <StartPageCard />
      <PasswordCard />
      <SessionsCard />
    </div>
  )
}
