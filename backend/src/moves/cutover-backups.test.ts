import { readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { holding } from '../../test/holding.ts'
import { awaitsCopy, type MoveBench, moveBench, OPERATOR, reasonsOf } from '../../test/moves.ts'

const UNIT = 'settings'
const DAY_MS = 24 * 60 * 60_000

let bench: MoveBench

const copies = () => readdirSync(join(bench.dataDir, 'backups'))
const cutOver = () => reasonsOf(bench.moves.act(UNIT, 'cutover', OPERATOR))

async function mirror(): Promise<void> {
  await bench.mirror(UNIT)
}

it('a cut over does not wait for a copy that is being taken: it is refused, with the reason', async () => {
  let aheadMs = 0
  const postgres = holding()
  bench = await moveBench({
    clock: () => new Date(Date.now() + aheadMs),
    control: postgres.control,
  })
  await mirror()
  await bench.until(UNIT, ({ actions }) => !awaitsCopy(actions))
  expect(copies()).toHaveLength(1)
  // The next one is taken, and cannot be written down.
  postgres.hold('transaction')
  aheadMs = 1.1 * DAY_MS
  expect(await cutOver()).toContain(
    'A backup of the SQLite file is being taken and read back: try again in a moment',
  )
  postgres.letGo()
  await bench.until(UNIT, ({ actions }) => !awaitsCopy(actions))
  expect(copies()).toHaveLength(2)
})

it('a copy that cannot be taken keeps a cut over, with the reason, and is tried again', async () => {
  bench = await moveBench()
  const folder = join(bench.dataDir, 'backups')
  writeFileSync(folder, 'no folder')
  await mirror()
  const reason = expect.stringMatching(
    /^No backup of the SQLite file could be taken: .*tried again by itself$/,
  )
  await expect.poll(cutOver, { timeout: 20_000 }).toEqual([reason])
  expect(await bench.moves.unit(UNIT)).toMatchObject({ placement: 'sqlite', epoch: 1 })
  rmSync(folder)
  await expect.poll(cutOver, { timeout: 20_000 }).toEqual([])
  expect(await bench.moves.unit(UNIT)).toMatchObject({ placement: 'postgres' })
})
