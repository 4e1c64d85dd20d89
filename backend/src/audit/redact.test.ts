import { expect, it } from 'vitest'
import { redactDetails } from './redact.ts'

it('replaces values under names of secrets at any depth, and keeps the rest', () => {
  expect(
    redactDetails({
      key: 'metrics.retention.raw_days',
      tokenId: 't1',
      passwordChanged: true,
      before: { apiKey: 'x', tls: { private_key: 'x' }, name: 'a' },
      list: [{ password: 'x' }],
    }),
  ).toEqual({
    key: 'metrics.retention.raw_days',
    tokenId: 't1',
    passwordChanged: true,
    before: { apiKey: '***', tls: { private_key: '***' }, name: 'a' },
    list: [{ password: '***' }],
  })
})

it('ends long texts and deep nesting', () => {
  let deep: unknown = 'end'
  for (let level = 0; level < 50; level++) deep = { deep }
  expect(JSON.stringify(redactDetails({ deep, text: 'x'.repeat(10_000) })).length).toBeLessThan(2300)
})
