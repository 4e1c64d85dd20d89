import { describe, expect, it } from 'vitest'
import { moveBench } from '../../test/moves.ts'

describe('a cut over', () => {
  it('gives PostgreSQL the statistics of its tables before it serves', async () => {
    const bench = await moveBench()
    const postgres = bench.db('postgres')
    const known = () =>
      postgres.queryOne(`SELECT count(*) > 0 AS yes FROM pg_stats WHERE tablename = 'prompt_profiles'`)
    await bench.mirror('prompts')
    expect(await known()).toEqual({ yes: false })
    await bench.cutOver('prompts')
    expect(await known()).toEqual({ yes: true })
  })
})
