import { expect, it } from 'vitest'
import { openDatabase } from '../../test/databases.ts'
import { createPace, PgLink } from '../db/snapshot/index.ts'
import { isAtWork, steeredRest, steerPace } from './steered-pace.ts'

const PROGRAM = 'a program'
const SHARE = 0.25

/** The share of looks that find the server at work, of a program whose pieces each keep it for `pieceMs`. */
function workingShare(pieceMs: number): number {
  const looks = 2_000
  let restMs = 20
  let working = 0
  for (let look = 0; look < looks; look++) {
    // Evenly spread, in no order.
    const isWorking = (((look * 7919) % 1_000) / 1_000) * restMs < pieceMs
    if (isWorking) working++
    restMs = steeredRest(restMs, isWorking, SHARE)
  }
  return working / looks
}

it.each([0.5, 4, 30])('finds the rest with which pieces of %s ms make up the share', (pieceMs) => {
  expect(workingShare(pieceMs)).toBeCloseTo(SHARE, 1)
})

it('rests neither for ever nor not at all', () => {
  const after = (isWorking: boolean) =>
    Array.from({ length: 200 }).reduce<number>((restMs) => steeredRest(restMs, isWorking, SHARE), 20)
  expect(after(true)).toBe(500)
  expect(after(false)).toBe(1)
})

it('tells a server at work from one that waits for the program', async () => {
  const database = await openDatabase('postgres')
  const [worker, other] = await Promise.all([PgLink.open(database.location), PgLink.open(database.location)])
  try {
    await worker.script(`SET application_name = '${PROGRAM}'; CREATE TABLE words (word text)`)
    expect(await isAtWork(other, PROGRAM)).toBe(false)
    const work = worker.script('SELECT pg_sleep(600)')
    const cancelled = expect(work).rejects.toThrow('cancel')
    await expect.poll(() => isAtWork(other, PROGRAM)).toBe(true)
    expect(await isAtWork(other, 'another')).toBe(false)
    await worker.cancel()
    await cancelled
    const sink = worker.copy('COPY words FROM STDIN')
    await sink.write(Buffer.from('one\n'))
    await expect.poll(() => statesOf(other)).toEqual([['active', 'ClientRead']])
    expect(await isAtWork(other, PROGRAM)).toBe(false)
    await sink.end()
  } finally {
    await worker.close()
    await other.close()
    await database.close()
  }
})

const statesOf = (link: PgLink) =>
  link.texts('SELECT a.state, a.wait_event FROM pg_stat_activity AS a WHERE a.application_name = $1', [
    PROGRAM,
  ])

/** Two statements one after the other, the first of which takes until `letGo`, beside a pace that makes it rest. */
async function buildIndexes(
  test: (each: {
    over: () => void
    letGo: () => Promise<void>
    resting: Promise<void>
    waiting: (who: string) => Promise<boolean>
    indexes: Promise<void>
  }) => Promise<void>,
) {
  const database = await openDatabase('postgres')
  const links = await Promise.all(Array.from({ length: 3 }, () => PgLink.open(database.location)))
  const [worker, gate, other] = links as [PgLink, PgLink, PgLink]
  const pace = await steerPace(
    createPace(0.001, () => true),
    database.location,
    PROGRAM,
  )
  try {
    await worker.script(`
      SET application_name = '${PROGRAM}'; SET lock_timeout = 0;
      CREATE TABLE "Words" (word text); INSERT INTO "Words" VALUES ('one'), ('two');
      CREATE FUNCTION held(word text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS
        $$ BEGIN PERFORM pg_advisory_xact_lock(1); RETURN word; END $$
    `)
    await gate.script('SELECT pg_advisory_lock(1)')
    const waiting = async (who: string) => {
      const rows = await other.texts(
        `
        SELECT 1 FROM pg_locks AS l JOIN pg_stat_activity AS a ON a.pid = l.pid
        WHERE a.application_name = $1 AND a.datname = current_database() AND l.locktype = 'relation' AND NOT l.granted
        `,
        [who],
      )
      return rows.length > 0
    }
    let over = () => {}
    const end = new Promise<void>((resolve) => {
      over = resolve
    })
    const first = worker.script('CREATE INDEX first ON "Words" (held(word))')
    const indexes = first.then(() => worker.script('CREATE INDEX second ON "Words" (word)'))
    const letGo = () => gate.script('SELECT pg_advisory_unlock(1)')
    const resting = pace.restBetweenStatements(end)
    await expect.poll(() => waiting('holdfast transfer')).toBe(true)
    await test({ over, letGo, resting, waiting, indexes })
  } finally {
    await pace.close()
    for (const link of links) await link.close()
    await database.close()
  }
}

it('keeps the next statement waiting once one has ended, until the program does', async () => {
  await buildIndexes(async ({ over, letGo, resting, waiting, indexes }) => {
    await letGo()
    await expect.poll(() => waiting(PROGRAM)).toBe(true)
    over()
    await resting
    await indexes
  })
})

it('does not wait for what the server finishes for a program that is gone', async () => {
  await buildIndexes(async ({ over, letGo, resting, waiting, indexes }) => {
    over()
    await resting
    expect(await waiting('holdfast transfer')).toBe(false)
    await letGo()
    await indexes
  })
})

it('asks nobody while nobody else is there, and says so when it cannot ask', async () => {
  const database = await openDatabase('postgres')
  let isWanted = false
  const pace = await steerPace(
    createPace(SHARE, () => isWanted),
    database.location,
    PROGRAM,
  )
  try {
    await pace.close()
    await pace.rest()
    await pace.restBetweenStatements(Promise.resolve())
    isWanted = true
    await expect(pace.rest()).rejects.toThrow()
    const never = new Promise<void>(() => {})
    await expect(pace.restBetweenStatements(never)).rejects.toThrow()
  } finally {
    await database.close()
  }
})
