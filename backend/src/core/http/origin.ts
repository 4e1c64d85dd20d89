import type { Request } from 'express'
import { forbidden } from '../errors.ts'

const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS'])

export function isSafeMethod(method: string): boolean {
  return SAFE_METHODS.has(method)
}

/**
 * True when `origin` is the page that this server itself serves: scheme, host and port all equal to
 * `publicUrl`, or to what the request was sent to.
 */
export function isOwnOrigin(
  origin: string,
  request: { readonly protocol: string; readonly host: string | undefined },
  publicUrl: string | undefined,
): boolean {
  if (!URL.canParse(origin)) return false
  const own = new URL(origin).origin
  if (own === 'null') return false
  if (publicUrl !== undefined && own === publicUrl) return true
  const target = `${request.protocol}://${request.host ?? ''}`
  return URL.canParse(target) && own === new URL(target).origin
}

/**
 * Refuses state changes that another site's page sends with this browser's cookie. Browsers say where a request
 * comes from in Sec-Fetch-Site or Origin; a client that sends neither is no browser and has no cookie to abuse.
 *
 * @throws {AppError} 403 `cross_origin`
 */
export function refuseCrossOrigin(req: Request, publicUrl: string | undefined): void {
  if (isSafeMethod(req.method)) return
  const site = req.get('sec-fetch-site')
  const origin = req.get('origin')
  const crossSite = site !== undefined && site !== 'same-origin' && site !== 'none'
  const foreign =
    origin !== undefined && !isOwnOrigin(origin, { protocol: req.protocol, host: req.host }, publicUrl)
  // A proxy that ends TLS changes the scheme; then Sec-Fetch-Site, which a page cannot forge, decides.
  if (crossSite || (foreign && site !== 'same-origin')) {
    throw forbidden(
      'This request comes from another origin. Behind a proxy, set PUBLIC_URL to the address people use.',
      'cross_origin',
    )
  }
}
