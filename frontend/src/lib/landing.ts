import type { User } from './api/types.ts'

/** A path of this product; `//host` and `/\host` would be another site. */
const isOwnPath = (path: string) => /^\/(?![/\\])/.test(path)

/** Where a user goes after signing in: the page that was asked for, else their own start page, else the overview. */
export function landingOf(next: string | undefined, user: Pick<User, 'defaultLandingPage'>): string {
  if (next !== undefined && isOwnPath(next)) return next
  return isOwnPath(user.defaultLandingPage) ? user.defaultLandingPage : '/'
}
