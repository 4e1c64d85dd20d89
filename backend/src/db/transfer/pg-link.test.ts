import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openDatabase, type TestDatabase } from '../../../test/databases.ts'
import { type StoreProxy, startProxy } from '../../../test/proxy.ts'
import { PgLink } from './pg-link.ts'

let postgres: TestDatabase
let proxy: StoreProxy
let link: PgLink
beforeEach(async () => {
  postgres = await openDatabase('postgres')
  proxy = await startProxy(postgres.location)
  link = await PgLink.open(proxy.url, { connectTimeoutMs: 2_000, silenceMs: 100 })
})
afterEach(async () => {
  await link.close()
  await proxy.close()
  await postgres.close()
})

describe('a connection for bulk work', () => {
  it('waits for a statement that takes its time', async () => {
    expect(await link.texts('SELECT 1 FROM pg_sleep(2)')).toEqual([['1']])
  })

  it.each([true, false])(
    'is given up when it was cut without a word (new ones go through: %s)',
    async (spareNew) => {
      const asked = link.query('SELECT pg_sleep(0.5)')
      await sleep(100)
      proxy.silence({ spareNew })
      await expect(asked).rejects.toMatchObject({ kind: 'unavailable' })
      await expect(link.query('SELECT 1')).rejects.toMatchObject({ kind: 'unavailable' })
    },
  )

  it('has taken the bytes of a copy that it has written: they may be written over', async () => {
    await link.script('CREATE TEMPORARY TABLE lines (line text)')
    const copy = link.copy('COPY lines FROM STDIN')
    const bytes = Buffer.alloc(400_000)
    for (let i = 0; i < 300; i++) {
      const length = [3, 5_000, 20_000, 70_000, 400_000][i % 5] ?? 0
      bytes.fill('a', 0, length - 1).write('\n', length - 1)
      await copy.write(bytes.subarray(0, length))
      bytes.fill('b')
    }
    await copy.end()
    expect(
      await link.query(
        `SELECT count(*) AS lines, sum(length(line)) AS length, count(*) FILTER (WHERE line LIKE '%b%') AS spoilt FROM lines`,
      ),
    ).toEqual([{ lines: 300, length: 60 * (3 + 5_000 + 20_000 + 70_000 + 400_000 - 5), spoilt: 0 }])
  })

  it('is given up in the middle of a copy', async () => {
    await link.script('CREATE TEMPORARY TABLE lines (line text)')
    const copy = link.copy('COPY lines FROM STDIN')
    await copy.write(Buffer.from('first\n'))
    proxy.silence({ spareNew: true })
    const lines = Buffer.from(`${'x'.repeat(1_000_000)}\n`)
    const written = (async () => {
      for (let i = 0; i < 100; i++) await copy.write(lines)
      await copy.end()
    })()
    await expect(written).rejects.toMatchObject({ kind: 'unavailable' })
  })
})
