import { expect, it } from 'vitest'
import { isPagePath } from './static-files.ts'

it.each(['/', '/setup', '/containers/1/web', '/hosts/', '/hosts/3'])('%s is a page', (path) => {
  expect(isPagePath(path)).toBe(true)
})

it.each([
  '/api',
  '/api/users',
  '/API/users',
  '/%61pi/users',
  '//api/users',
  '/health/x',
  '/assets/x.js',
  '/metrics',
  '/.env',
  '/favicon.ico',
  '/hosts//3',
])('%s is no page', (path) => {
  expect(isPagePath(path)).toBe(false)
})
