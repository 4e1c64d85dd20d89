import { existsSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { join } from 'node:path'
import type { RequestHandler } from 'express'
import expressStaticGzip from 'express-static-gzip'
import { AppError } from '../errors.ts'

/** First segments that are never pages: a typo in an API path must not be answered with one. */
const NOT_PAGES = new Set(['api', 'health', 'metrics', 'assets', 'socket.io'])

/**
 * Serves the built web page from `folder`. Files under `/assets` have a hash in their name and never change;
 * everything else is asked for again each time (ETag). What the build has compressed is sent as it lies there. A
 * path that looks like a page gets `index.html`, whose router knows the pages.
 */
export function staticFiles(folder: string): RequestHandler {
  const index = join(folder, 'index.html')
  const files = expressStaticGzip(folder, {
    index: false,
    enableBrotli: true,
    orderPreference: ['br'],
    serveStatic: {
      redirect: false,
      dotfiles: 'ignore',
      setHeaders: (res: ServerResponse, path: string) => {
        const immutable = path.startsWith(join(folder, 'assets'))
        res.setHeader('Cache-Control', immutable ? 'public, max-age=31536000, immutable' : 'no-cache')
      },
    },
  })
  return (req, res, next) => {
    if (req.method !== 'GET' && req.method !== 'HEAD') {
      next()
      return
    }
    assertDecodable(req.path)
    files(req, res, (error?: unknown) => {
      if (error || !isPagePath(req.path)) next(error)
      else if (existsSync(index)) res.sendFile(index, { headers: { 'Cache-Control': 'no-cache' } })
      else res.status(503).type('text/plain').send('The web page is not built yet: run `npm run build`.\n')
    })
  }
}

/** Where the files are looked up, such a path would be answered in plain text. */
function assertDecodable(path: string): void {
  try {
    decodeURIComponent(path)
  } catch (cause) {
    throw new AppError(400, 'bad_request', 'A % in the path is not followed by what stands for a character', {
      cause,
    })
  }
}

/** Lower-case first segment, no empty segments, no file name with an ending in the first one. */
export function isPagePath(path: string): boolean {
  if (path === '/') return true
  const match = /^\/([a-z][a-z0-9-]*)(?:\/[^/]+)*\/?$/.exec(path)
  return match?.[1] !== undefined && !NOT_PAGES.has(match[1])
}
