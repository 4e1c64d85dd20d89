import type { IncomingMessage } from 'node:http'
import type { Response } from 'express'

export const SESSION_COOKIE = 'holdfast_session'

/** The session token in the cookie header; undefined when there is none. The first counts when there are several. */
export function sessionCookie(request: Pick<IncomingMessage, 'headers'>): string | undefined {
  for (const pair of request.headers.cookie?.split(';') ?? []) {
    const at = pair.indexOf('=')
    if (at > 0 && pair.slice(0, at).trim() === SESSION_COOKIE) {
      const value = pair.slice(at + 1).trim()
      return /^[\w-]{20,200}$/.test(value) ? value : undefined
    }
  }
  return undefined
}

export function setSessionCookie(
  res: Response,
  token: string,
  options: { secure: boolean; maxAgeMs: number },
): void {
  res.cookie(SESSION_COOKIE, token, {
    httpOnly: true,
    sameSite: 'lax',
    secure: options.secure,
    maxAge: options.maxAgeMs,
    path: '/',
  })
}

export function clearSessionCookie(res: Response, options: { secure: boolean }): void {
  res.clearCookie(SESSION_COOKIE, { httpOnly: true, sameSite: 'lax', secure: options.secure, path: '/' })
}

/** The token of `Authorization: Bearer …`; undefined when the header is missing or of another kind. */
export function bearerToken(request: Pick<IncomingMessage, 'headers'>): string | undefined {
  return /^bearer +(\S{1,500})$/i.exec(request.headers.authorization ?? '')?.[1]
}
