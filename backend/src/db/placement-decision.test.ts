import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Decision, decidePlacement, type Side } from './placement-decision.ts'
import type { Placement, PlacementRow } from './placement-store.ts'

const row = (placement: Placement, epoch: number, state: PlacementRow['state'] = 'complete'): Side => ({
  row: { domain: 'audit', placement, epoch, state },
})
const empty: Side = { row: undefined }
const decide = (sqlite: Side, postgres: Side, initial: Placement = 'sqlite') =>
  decidePlacement({ sqlite, postgres, initial })

describe('decidePlacement', () => {
  it('creates a new domain where it is wanted', () => {
    expect(decide(empty, empty, 'postgres')).toEqual({ placement: 'postgres', epoch: 1, fence: undefined })
    expect(decide(empty, 'absent')).toEqual({ placement: 'sqlite', epoch: 1, fence: undefined })
    expect(decide('absent', empty, 'postgres')).toMatchObject({ placement: 'postgres', fence: undefined })
  })

  it('does not create a domain while a store is away that may hold it', () => {
    expect(decide(empty, 'away').fence).toMatch(/PostgreSQL must be reachable once/)
    expect(decide('away', empty, 'postgres').fence).toMatch(/SQLite must be reachable once/)
  })

  it('follows the stores when they agree, whatever is wanted now', () => {
    expect(decide(row('sqlite', 3), row('sqlite', 3), 'postgres')).toEqual({
      placement: 'sqlite',
      epoch: 3,
      fence: undefined,
    })
  })

  it('follows the higher complete epoch', () => {
    expect(decide(row('sqlite', 3), row('postgres', 4))).toMatchObject({ placement: 'postgres', epoch: 4 })
    expect(decide(row('sqlite', 5), row('postgres', 4))).toMatchObject({ placement: 'sqlite', epoch: 5 })
  })

  it('serves what one store says while the other is away', () => {
    expect(decide(row('sqlite', 1), 'away')).toMatchObject({ placement: 'sqlite', fence: undefined })
    expect(decide(row('postgres', 1), 'away')).toMatchObject({ placement: 'postgres', fence: undefined })
  })

  it('fences a domain that both stores claim with the same epoch', () => {
    expect(decide(row('sqlite', 2), row('postgres', 2)).fence).toMatch(/Both stores claim/)
  })

  it('fences a domain whose store is not configured, lost or emptied', () => {
    expect(decide(row('postgres', 2), 'absent').fence).toMatch(/POSTGRES_APP_URL is not set/)
    expect(decide('absent', row('sqlite', 2)).fence).toMatch(/holds no holdfast.db/)
    expect(decide(row('postgres', 2), empty).fence).toMatch(/emptied/)
    expect(decide(empty, row('sqlite', 2)).fence).toMatch(/emptied/)
  })

  it('ends a change that a crash interrupted', () => {
    // Announced in the old store only: it did not happen, and the old placement gets an epoch above it.
    expect(decide(row('postgres', 2, 'pending'), row('sqlite', 1))).toEqual({
      placement: 'sqlite',
      epoch: 3,
      fence: undefined,
    })
    // Made in the new store: it did.
    expect(decide(row('postgres', 2, 'pending'), row('postgres', 2))).toEqual({
      placement: 'postgres',
      epoch: 2,
      fence: undefined,
    })
    expect(decide(row('postgres', 2, 'pending'), 'away').fence).toMatch(/must be configured and reachable/)
  })

  it('ends an interrupted change although neither store has a complete row', () => {
    // The flip to PostgreSQL was never repaired in SQLite, and the way back was announced only.
    expect(decide(row('postgres', 2, 'pending'), row('sqlite', 3, 'pending'))).toEqual({
      placement: 'postgres',
      epoch: 4,
      fence: undefined,
    })
    expect(decide(row('postgres', 4, 'pending'), row('sqlite', 3, 'pending'))).toMatchObject({
      placement: 'sqlite',
      epoch: 5,
    })
    expect(decide(row('postgres', 3, 'pending'), row('sqlite', 3, 'pending')).fence).toMatch(
      /Both stores claim/,
    )
  })

  it('does not go back to a store that has announced its leave, because the other is not configured', () => {
    expect(decide(row('postgres', 2, 'pending'), 'absent').fence).toMatch(/must be configured and reachable/)
    expect(decide('absent', row('sqlite', 2, 'pending'), 'postgres').fence).toMatch(
      /SQLite must be reachable/,
    )
  })

  const side = fc.oneof(
    fc.constantFrom<Side>('absent', 'away', empty),
    fc
      .record({
        domain: fc.constant('audit'),
        placement: fc.constantFrom<Placement>('sqlite', 'postgres'),
        epoch: fc.integer({ min: 1, max: 4 }),
        state: fc.constantFrom<PlacementRow['state']>('pending', 'complete'),
      })
      .map((each): Side => ({ row: each })),
  )
  const initial = fc.constantFrom<Placement>('sqlite', 'postgres')

  it('never serves from a store against a higher complete epoch, nor from one that is not there', () => {
    fc.assert(
      fc.property(side, side, initial, (sqlite, postgres, wanted) => {
        const decision = decide(sqlite, postgres, wanted)
        if (decision.fence !== undefined) return
        const epochs = [sqlite, postgres].flatMap((each) =>
          typeof each === 'object' && each.row?.state === 'complete' ? [each.row] : [],
        )
        for (const each of epochs) {
          expect(each.epoch).toBeLessThanOrEqual(decision.epoch)
          if (each.epoch === decision.epoch) expect(each.placement).toBe(decision.placement)
        }
        expect((decision.placement === 'sqlite' ? sqlite : postgres) === 'absent').toBe(false)
      }),
    )
  })

  it('gives the same answer again once it is written into both stores', () => {
    fc.assert(
      fc.property(side, side, initial, initial, (sqlite, postgres, wanted, later) => {
        const decision = decide(sqlite, postgres, wanted)
        if (decision.fence !== undefined || !decision.placement) return
        const written = row(decision.placement, decision.epoch)
        const rewritten = (before: Side): Side => (typeof before === 'object' ? written : before)
        const again: Decision = decide(rewritten(sqlite), rewritten(postgres), later)
        if (sqlite === 'absent' || postgres === 'absent' || sqlite === 'away' || postgres === 'away') {
          expect(again.placement).toBe(decision.placement)
        } else expect(again).toEqual(decision)
      }),
    )
  })

  it('is right after any history of flips and settlements that were cut at any point', () => {
    const step = fc.record({
      // Writes that are done before the crash: of a flip, then of the settlement at the next start.
      flip: fc.constantFrom(0, 1, 2),
      crash: fc.boolean(),
      repairs: fc.constantFrom(0, 1, 2),
      seen: fc.constantFrom<'both' | Placement>('both', 'both', 'sqlite', 'postgres'),
      unseen: fc.constantFrom<Side>('away', 'absent'),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), initial, (steps, first) => {
        const rows: Record<Placement, PlacementRow | undefined> = { sqlite: undefined, postgres: undefined }
        const write = (
          side: Placement,
          placement: Placement,
          epoch: number,
          state: PlacementRow['state'],
        ) => {
          const there = rows[side]
          const taken = !there || there.epoch < epoch || (there.epoch === epoch && there.state === 'pending')
          if (taken) rows[side] = { domain: 'audit', placement, epoch, state }
          return taken
        }
        let truth: Placement = first
        let known: Decision | undefined = decide(empty, empty, first)
        for (const side of [truth, otherThan(truth)]) write(side, truth, 1, 'complete')
        for (const { flip, crash, repairs, seen, unseen } of steps) {
          if (known?.placement) {
            const to = otherThan(truth)
            const epoch: number = known.epoch + 1
            if (flip > 0) expect(write(truth, to, epoch, 'pending')).toBe(true)
            if (flip > 1) {
              expect(write(to, to, epoch, 'complete')).toBe(true)
              truth = to
              known = { placement: to, epoch, fence: undefined }
            }
          }
          if (known?.placement && !crash) continue
          const sideOf = (side: Placement): Side =>
            seen === 'both' || seen === side ? { row: rows[side] } : unseen
          known = decide(sideOf('sqlite'), sideOf('postgres'), first)
          if (known.fence !== undefined) {
            expect(seen).not.toBe('both')
            known = undefined
            continue
          }
          expect(known.placement).toBe(truth)
          const reached = [truth, otherThan(truth)].filter((side) => typeof sideOf(side) === 'object')
          for (const side of reached.slice(0, repairs)) write(side, truth, known.epoch, 'complete')
          // A flip needs both stores, and a settlement that was cut is done again before.
          if (seen !== 'both' || repairs < 2) known = undefined
        }
      }),
      { numRuns: 2_000 },
    )
  })
})

const otherThan = (placement: Placement): Placement => (placement === 'sqlite' ? 'postgres' : 'sqlite')
