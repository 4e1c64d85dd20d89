import { expect, test } from 'vitest'
import { jsonFields, lineJson, looksLikeJson } from './log-json.ts'

test('reads an object, also behind a prefix', () => {
  expect(lineJson('{"level":30,"msg":"up"}')).toEqual({ level: 30, msg: 'up' })
  expect(lineJson('2026-11-21 INFO {"a":{"b":[1,"x"]}}')).toEqual({ a: { b: [1, 'x'] } })
  expect(lineJson('\u001b[32m{"a":1}\u001b[0m')).toEqual({ a: 1 })
})

test.each(['plain', '{not json}', '[1,2]', '{"a":1} trailing', ''])('sees no object in %j', (line) => {
  expect(lineJson(line)).toBeNull()
})

test('lists leaves with dotted paths', () => {
  expect(jsonFields({ a: { b: [1, 'x'], c: null }, d: {}, e: true })).toEqual([
    { path: 'a.b.0', value: '1' },
    { path: 'a.b.1', value: 'x' },
    { path: 'a.c', value: 'null' },
    { path: 'd', value: '{}' },
    { path: 'e', value: 'true' },
  ])
})

test('survives depth and width made to hurt', () => {
  const deep = JSON.parse(`${'{"a":'.repeat(500)}1${'}'.repeat(500)}`)
  expect(jsonFields(deep)).toHaveLength(1)
  const wide = Object.fromEntries(Array.from({ length: 5000 }, (_, index) => [`k${index}`, index]))
  expect(jsonFields(wide)).toHaveLength(200)
})

test('looksLikeJson is a cheap guess', () => {
  expect(looksLikeJson('{"a":1}')).toBe(true)
  expect(looksLikeJson('function() { return 1 }')).toBe(false)
})
