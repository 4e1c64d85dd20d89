import { afterEach, describe, expect, it } from 'vitest'
import { type MoveBench, openMoveBench } from '../../test/moves.ts'

let bench: MoveBench | undefined
afterEach(async () => {
  await bench?.close()
  bench = undefined
})

describe('a cut over', () => {
  it('gives PostgreSQL the statistics of its tables before it serves', async () => {
    bench = await openMoveBench()
    const postgres = bench.db('postgres')
    const known = () =>
      postgres.queryOne(`SELECT count(*) > 0 AS yes FROM pg_stats WHERE tablename = 'prompt_profiles'`)
    await bench.mirror('prompts')
    expect(await known()).toEqual({ yes: false })
    await bench.cutOver('prompts')
    expect(await known()).toEqual({ yes: true })
  })
})
