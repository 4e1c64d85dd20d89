import { expect, it } from 'vitest'
import { checkDisk } from './disk.check.ts'

it('tells of a disk without room', async () => {
  expect(await checkDisk('/proc')).toMatchObject({
    status: 'degraded',
    reason: expect.stringContaining('0 MiB are free on the disk of /proc'),
  })
})
