import { describe, expect, it } from 'vitest'
import { MoveClient } from '../../test/move-client.ts'
import { fillTables, randomOf } from '../../test/move-data.ts'
import { type MoveBench, moveBench, OPERATOR } from '../../test/moves.ts'
import { AppError } from '../core/errors.ts'
import type { Domain } from '../db/domains.ts'
import { allUnits } from './unit.ts'

/** A step that is refused because of what happens meanwhile is taken again, as a person would. */
async function insist(target: MoveBench, unit: string, action: 'cutover' | 'rollback'): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      await (action === 'cutover' ? target.cutOver(unit) : target.moves.act(unit, action, OPERATOR))
      return
    } catch (error) {
      if (!(error instanceof AppError) || tries > 50) throw error
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
}

describe('a unit under load', () => {
  it.each(allUnits.map(({ name }) => name))('%s loses no write and fails no call', async (unit) => {
    const target = await moveBench({ limits: { copy: { bareRows: 1, pageRows: 20 } } })
    const random = randomOf(7)
    const dbOf = (domain: Domain) => target.storage.getAppDbFor(domain)
    const rules = await target.rules(unit)
    await fillTables(random, rules, dbOf, 100)
    const clients = ['a', 'b', 'c'].map((name) => new MoveClient(name, rules, random, dbOf))
    const stopped = new AbortController()
    const running = clients.map((client) => client.run(stopped.signal))

    await target.mirror(unit)
    for (const action of ['cutover', 'rollback', 'cutover', 'rollback'] as const) {
      await insist(target, unit, action)
      const written = clients.map((client) => client.written)
      while (clients.some((client, i) => client.written < (written[i] ?? 0) + 10)) {
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
    }
    stopped.abort()
    await Promise.all(running)
    await target.moves.act(unit, 'verify', OPERATOR)
    await target.until(unit, (state) => state.verify?.running === false && state.lag?.changes === 0)
    for (const client of clients) await client.readAll()
    expect(clients.flatMap((client) => client.problems)).toEqual([])
    const { sqlite, postgres } = await target.contents(unit)
    expect(sqlite).toEqual(postgres)
    const state = await target.moves.unit(unit)
    expect(state).toMatchObject({ placement: 'sqlite', epoch: 5, error: null, verify: { differences: 0 } })
  })
})
