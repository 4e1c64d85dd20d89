import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'

/** 256 random bits, URL-safe, with a prefix that scanners for leaked secrets can recognise. */
export function newToken(prefix: string): string {
  return prefix + randomBytes(32).toString('base64url')
}

/** What is stored of a token: enough to find it, useless to whoever reads the database. */
export function hashToken(token: string): string {
  return createHash('sha256').update(token).digest('hex')
}

/** Compares secrets in a time that tells nothing about where they differ. */
export function sameSecret(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(a), digest(b))
}
