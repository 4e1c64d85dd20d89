import { describe, expect, it } from 'vitest'
import type { Setting } from '../../lib/api/types.ts'
import { describeDefault, parseDraft, toDraft } from './setting-draft.ts'

const aSetting = (part: Partial<Setting>): Setting => ({
  key: 'a.b',
  value: 7,
  default: 7,
  isSet: false,
  type: 'number',
  group: 'general',
  label: 'A',
  help: '',
  updatedAt: null,
  ...part,
})

describe('parseDraft', () => {
  it('reads a number within its bounds', () => {
    expect(parseDraft(aSetting({ min: 1, max: 10 }), ' 10 ')).toEqual({ value: 10 })
  })

  it.each(['', ' ', 'x', '1e999', '0', '11'])('refuses %j between 1 and 10', (draft) => {
    expect(parseDraft(aSetting({ min: 1, max: 10 }), draft)).toHaveProperty('problem')
  })

  it('keeps text as it is, also when it is empty or looks like a number', () => {
    expect(parseDraft(aSetting({ type: 'string' }), '')).toEqual({ value: '' })
    expect(parseDraft(aSetting({ type: 'string' }), '12')).toEqual({ value: '12' })
  })

  it('gives back JSON that it wrote', () => {
    const setting = aSetting({ type: 'json', value: { a: [1, null] } })
    expect(parseDraft(setting, toDraft(setting))).toEqual({ value: { a: [1, null] } })
    expect(parseDraft(setting, '{')).toHaveProperty('problem')
  })
})

it('never shows a secret', () => {
  expect(toDraft(aSetting({ type: 'secret', value: 'hunter2', isSet: true }))).toBe('')
})

it('names the default with its unit', () => {
  expect(describeDefault(aSetting({ default: 3650, unit: 'days' }))).toBe('3,650 days')
  expect(describeDefault(aSetting({ type: 'boolean', default: false }))).toBe('off')
  expect(describeDefault(aSetting({ type: 'string', default: '' }))).toBe('none')
})
