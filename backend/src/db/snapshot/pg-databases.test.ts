import { expect, it } from 'vitest'
import { openDatabase } from '../../../test/databases.ts'
import { databaseExists, dropDatabase, onDatabase, withLink } from './index.ts'

it('is dropped by its owner while the last session of a superuser ends', async () => {
  const database = await openDatabase('postgres')
  const admin = database.location
  const name = `${new URL(admin).pathname.slice(1)}_scratch`
  const own = new URL(admin)
  own.username = `${name}_owner`
  own.password = 'own'
  try {
    await withLink(admin, (link) => link.script(`CREATE ROLE ${own.username} LOGIN CREATEDB PASSWORD 'own'`))
    await withLink(admin, (link) => link.script(`CREATE DATABASE ${name} OWNER ${own.username}`))
    let dropped: Promise<void> | undefined
    await withLink(onDatabase(admin, name), async (ending) => {
      dropped = withLink(own.href, (link) => dropDatabase(link, name))
      const waits = () =>
        ending.texts(`SELECT 1 FROM pg_stat_activity WHERE query LIKE 'DROP DATABASE IF EXISTS "${name}"'`)
      const waiting = (async () => {
        while ((await waits()).length === 0) await new Promise((resolve) => setTimeout(resolve, 10))
      })()
      await Promise.race([dropped, waiting])
    })
    await dropped
    expect(await withLink(admin, (link) => databaseExists(link, name))).toBe(false)
  } finally {
    await withLink(admin, (link) => link.script(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`))
    await withLink(admin, (link) => link.script(`DROP ROLE IF EXISTS ${own.username}`))
    await database.close()
  }
})
