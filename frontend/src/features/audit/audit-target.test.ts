import { expect, test } from 'vitest'
import { auditTarget } from './audit-target.ts'

const ID = 'a6e0a923-970f-4346-93f3-6e229f1d8d97'
const endpointName = (id: number) => (id === 1 ? 'atlas' : undefined)

test.each([
  ['user', ID, { username: 'ben', role: 'operator' }, 'user ben'],
  ['token', ID, { name: 'deploy script', scopes: ['read'] }, 'token deploy script'],
  ['token', ID, null, 'token a6e0a923'],
  ['endpoint', '3', { before: { name: 'old' }, after: { name: 'castor' } }, 'endpoint castor'],
  ['container', '1/shop-cart-1', { id: 'f', changed: true }, 'container shop-cart-1 on atlas'],
  ['container', `2/${'ab'.repeat(32)}`, null, 'container abababababab'],
  ['settings', 'audit.retention.days', { before: {} }, 'settings audit.retention.days'],
  ['unit', 'metrics', { before: { state: 'copying' }, after: { state: 'mirroring' } }, 'unit metrics'],
  [null, null, null, ''],
])('%s %s is called by its name', (targetType, targetId, details, called) => {
  expect(auditTarget({ targetType, targetId, details }, endpointName)).toBe(called)
})
