import { useQueryClient } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'
import { CircleUser, LogIn, LogOut, Settings } from 'lucide-react'
import { api } from '../lib/api/client.ts'
import { useUser } from '../lib/auth.ts'
import { live } from '../lib/socket.ts'
import { texts } from '../lib/texts.ts'
import { setTheme, type ThemeChoice, useThemeChoice } from '../lib/theme.ts'
import { Button } from '../ui/button.tsx'
import { Menu, MenuItem, MenuLabel, MenuRadioGroup, MenuRadioItem, MenuSeparator } from '../ui/menu.tsx'
import { toast } from '../ui/toast.tsx'

const THEMES: readonly { value: ThemeChoice; label: string }[] = [
  { value: 'dark', label: texts.theme.dark },
  { value: 'light', label: texts.theme.light },
  { value: 'system', label: texts.theme.system },
]

export function AccountMenu() {
  const user = useUser()
  const theme = useThemeChoice()
  const queries = useQueryClient()
  const navigate = useNavigate()
  const signOut = async () => {
    try {
      await api.POST('/api/auth/logout')
    } catch (error) {
      toast.error(error instanceof Error ? error.message : texts.errors.failed)
      return
    }
    live.close()
    queries.clear()
    await navigate({ to: '/login', search: {} })
  }
  return (
    <Menu
      trigger={
        <Button variant="ghost" size="icon" aria-label={texts.account.label}>
          <CircleUser aria-hidden />
        </Button>
      }
    >
      {user ? (
        <MenuLabel>
          {user.username} · {user.role}
        </MenuLabel>
      ) : null}
      <MenuRadioGroup
        value={theme}
        aria-label={texts.theme.label}
        onValueChange={(value) => {
          const next = THEMES.find((each) => each.value === value)
          if (next) setTheme(next.value)
        }}
      >
        {THEMES.map((each) => (
          <MenuRadioItem key={each.value} value={each.value}>
            {each.label}
          </MenuRadioItem>
        ))}
      </MenuRadioGroup>
      <MenuSeparator />
      {user ? (
        <>
          <MenuItem asChild>
            <Link to="/settings">
              <Settings aria-hidden />
              {texts.account.settings}
            </Link>
          </MenuItem>
          <MenuItem onSelect={() => void signOut()}>
            <LogOut aria-hidden />
            {texts.account.signOut}
          </MenuItem>
        </>
      ) : (
        <MenuItem asChild>
          <Link to="/login" search={{}}>
            <LogIn aria-hidden />
            {texts.account.signIn}
          </Link>
        </MenuItem>
      )}
    </Menu>
  )
}
