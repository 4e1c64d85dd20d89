import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import { notFound } from '../core/errors.ts'
import { defineRoute, type Route } from '../core/http/route.ts'

const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Holdfast API</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="/icon.svg">
<link rel="stylesheet" href="/api/docs/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="/api/docs/swagger-ui-bundle.js"></script>
<script src="/api/docs/start.js"></script>
</body>
</html>
`

// A file of its own: the content security policy forbids inline scripts.
const START = `window.ui = SwaggerUIBundle({
  url: '/api/openapi.json',
  dom_id: '#swagger-ui',
  deepLinking: true,
  validatorUrl: null,
})
`

const TYPES = { css: 'text/css; charset=utf-8', js: 'text/javascript; charset=utf-8' } as const

/** The OpenAPI document, and a page to read it and try it. Files of the page come from the package, not from a CDN. */
export function docsRoutes(deps: { document: () => Readonly<Record<string, unknown>> }): Route[] {
  const tags = ['Documentation']
  return [
    defineRoute(
      {
        method: 'get',
        path: '/api/openapi.json',
        summary: 'This document',
        tags,
        access: 'viewer',
        preview: true,
        responses: { 200: z.record(z.string(), z.unknown()) },
      },
      async () => deps.document(),
    ),
    defineRoute(
      {
        method: 'get',
        path: '/api/docs',
        summary: 'The API as a page',
        tags,
        access: 'viewer',
        preview: true,
        responses: { 200: { contentType: 'text/html', description: 'The page' } },
      },
      async ({ res }) => {
        res.type('html').send(PAGE)
        return undefined
      },
    ),
    defineRoute(
      {
        method: 'get',
        path: '/api/docs/{file}',
        summary: 'Files of the page',
        tags,
        access: 'viewer',
        preview: true,
        params: z.object({ file: z.string().max(100) }),
        responses: { 200: { contentType: 'text/javascript', description: 'Script or style sheet' } },
      },
      async ({ params, res }) => {
        res.setHeader('Cache-Control', 'private, max-age=3600')
        res.type(params.file.endsWith('.css') ? TYPES.css : TYPES.js).send(await readPart(params.file))
        return undefined
      },
    ),
  ]
}

async function readPart(file: string): Promise<string> {
  if (file === 'start.js') return START
  if (file !== 'swagger-ui.css' && file !== 'swagger-ui-bundle.js') throw notFound('There is no such file')
  const folder = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'))
  return readFile(join(folder, file), 'utf8')
}
