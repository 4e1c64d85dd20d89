import { describe, expect, it } from 'vitest'
import type { StorageUnit } from '../../lib/api/types.ts'
import {
  type Action,
  amountIn,
  bulkStep,
  holdingOf,
  lookOf,
  metGates,
  nextStep,
  stepsOf,
} from './unit-facts.ts'

const ACTIONS = [
  'mirror',
  'verify',
  'cutover',
  'rollback',
  'finish',
  'abort',
  'pause',
  'resume',
  'purge',
] as const

function unit(change: Partial<StorageUnit> = {}, possible: readonly Action[] = []): StorageUnit {
  return {
    unit: 'audit',
    domains: [{ domain: 'audit', title: 'Audit log' }],
    tie: null,
    phase: 1,
    placement: 'sqlite',
    epoch: 1,
    mirror: null,
    source: null,
    state: 'settled',
    paused: false,
    archived: false,
    tables: [
      {
        table: 'a',
        rows: 10,
        mirrorRows: 8,
        bytes: 100,
        mirrorBytes: null,
        digest: null,
        state: 'copied',
        copiedRows: 8,
      },
      {
        table: 'b',
        rows: 5,
        mirrorRows: null,
        bytes: 50,
        mirrorBytes: null,
        digest: null,
        state: 'copied',
        copiedRows: 5,
      },
    ],
    progress: null,
    lag: null,
    throttle: null,
    shadow: null,
    verify: null,
    quarantine: { open: 0, acknowledged: 0 },
    lastFlip: null,
    error: null,
    actions: ACTIONS.map((action) => ({ action, possible: possible.includes(action), reasons: ['why'] })),
    ...change,
  }
}

const mirrored = { mirror: 'postgres', source: 'sqlite', state: 'mirroring' } as const
const cutOver = { placement: 'postgres', mirror: 'sqlite', source: 'sqlite', state: 'mirroring' } as const
const clean = { running: false, at: '2026-11-21T00:00:00Z', rows: 15, differences: 0, clean: true }

describe('how a unit looks', () => {
  it.each([
    [unit(), 'settled'],
    [unit({ ...mirrored, state: 'copying' }), 'copying'],
    [unit(mirrored), 'mirroring'],
    [unit(cutOver), 'live'],
    [unit({ ...mirrored, paused: true }), 'paused'],
    [unit({ ...mirrored, state: 'fenced', paused: true }), 'fenced'],
    [unit({ ...mirrored, error: 'no space' }), 'stuck'],
    [unit({ placement: 'postgres', archived: true }), 'archived'],
    [unit({ placement: null }), 'undecided'],
  ] as const)('%# is %s', (each, look) => expect(lookOf(each)).toBe(look))

  it('says what each store holds, and how much', () => {
    expect([holdingOf(unit(), 'sqlite'), holdingOf(unit(), 'postgres')]).toEqual(['truth', 'empty'])
    expect([holdingOf(unit(cutOver), 'sqlite'), holdingOf(unit(cutOver), 'postgres')]).toEqual([
      'mirror',
      'truth',
    ])
    expect(holdingOf(unit({ placement: 'postgres', archived: true }), 'sqlite')).toBe('archive')
    expect(amountIn(unit(mirrored), 'sqlite')).toEqual({ rows: 15, bytes: 150 })
    expect(amountIn(unit(mirrored), 'postgres')).toEqual({ rows: 8, bytes: null })
    expect(amountIn(unit(), 'postgres')).toEqual({ rows: null, bytes: null })
  })

  it('counts a mirror that is being filled by the progress of its copy', () => {
    const progress = { copiedRows: 9, totalRows: 15, rowsPerSecond: 3, etaSeconds: 2 }
    const copying = unit({ ...mirrored, state: 'copying', progress })
    expect(amountIn(copying, 'postgres')).toEqual({ rows: 9, bytes: null })
    expect(amountIn(copying, 'sqlite')).toEqual({ rows: 15, bytes: 150 })
  })
})

describe('what can be done', () => {
  it('offers the steps of the state, never finish before the cut over', () => {
    expect(stepsOf(unit())).toEqual(['mirror'])
    expect(stepsOf(unit(mirrored))).not.toContain('finish')
    expect(stepsOf(unit(cutOver))).toContain('finish')
    expect(stepsOf(unit(cutOver))).not.toContain('abort')
    expect(stepsOf(unit({ ...mirrored, paused: true }))).toContain('resume')
    expect(stepsOf(unit({ ...mirrored, state: 'fenced' }))).toEqual([])
    expect(stepsOf(unit({ error: 'no space' }))).toEqual(['mirror'])
  })

  it('emphasises one next step: verify, then the cut over, and nothing after it', () => {
    expect(nextStep(unit(mirrored, ['verify']))).toBe('verify')
    expect(nextStep(unit({ ...mirrored, verify: clean }, ['verify', 'cutover']))).toBe('cutover')
    expect(nextStep(unit({ ...mirrored, verify: clean }, ['verify']))).toBeUndefined()
    expect(nextStep(unit(cutOver, ['rollback', 'finish', 'verify']))).toBeUndefined()
    expect(nextStep(unit({}, ['mirror']))).toBeUndefined()
    expect(nextStep(unit({ ...mirrored, paused: true }, ['resume']))).toBe('resume')
  })

  it('brings a phase on by the step that is closest to the end', () => {
    const ready = unit({ ...mirrored, unit: 'ready', verify: clean }, ['cutover', 'verify'])
    const fresh = unit({ unit: 'fresh' }, ['mirror'])
    const moved = unit({ placement: 'postgres', unit: 'moved' }, ['mirror'])
    expect(bulkStep([fresh, ready, moved])).toEqual({ action: 'cutover', units: [ready] })
    expect(bulkStep([fresh, moved])).toEqual({ action: 'mirror', units: [fresh] })
    expect(bulkStep([moved])).toBeUndefined()
  })
})

it('ticks only conditions that are met', () => {
  expect(metGates(unit({ ...mirrored, lag: { changes: 9, seconds: 2 } }))).toEqual(['copied', 'quarantine'])
  const done = unit({ ...mirrored, lag: { changes: 0, seconds: 0 }, verify: clean })
  expect(metGates(done)).toEqual(['copied', 'lag', 'verified', 'quarantine'])
  expect(metGates(unit({ ...mirrored, quarantine: { open: 1, acknowledged: 0 } }))).toEqual(['copied'])
})
