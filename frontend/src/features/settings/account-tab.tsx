import { PasswordCard } from './password-card.tsx'
import { SessionsCard } from './sessions-card.tsx'

/** What belongs to the person signed in: the password and the sessions. */
export function AccountTab() {
  return (
    <div className="grid max-w-4xl gap-3">
      <PasswordCard />
      <SessionsCard />
    </div>
  )
}
