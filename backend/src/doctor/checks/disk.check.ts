import { statfs } from 'node:fs/promises'
import { checkDisk } from '../../health/index.ts'
import { type Check, error, info, ok, warning } from '../check.ts'
import { nearestFolder } from '../folder.ts'
import { daysUntilFull, readGrowth } from '../growth.ts'
import { bytes } from '../words.ts'

const LOW_BYTES = 1024 ** 3
const LOW_SHARE = 0.05
const SOON_DAYS = 30

export const diskCheck: Check = {
  id: 'disk',
  category: 'disk',
  title: 'the room in the data folder',
  async run({ config }) {
    const folder = nearestFolder(config.dataDir)
    const { bavail, bsize, blocks, ffree, files } = await statfs(folder)
    const free = bavail * bsize
    const seen = `${bytes(free)} of ${bytes(blocks * bsize)} are free`
    const health = await checkDisk(folder)
    const findings = []
    if (health.status !== 'healthy') {
      findings.push(
        error('disk.full', health.error ?? 'The disk is full', {
          subject: folder,
          seen,
          fix: `${health.reason ?? 'Free space'}.`,
        }),
      )
    } else if (free < LOW_BYTES || free < blocks * bsize * LOW_SHARE) {
      findings.push(
        warning('disk.low', 'There is little room in the data folder', {
          subject: folder,
          seen,
          fix: 'Free space, or put DATA_DIR on a larger disk: below 100 MiB changes and samples are refused.',
        }),
      )
    } else findings.push(ok('disk.free', 'There is room in the data folder', { subject: folder, seen }))
    if (files > 0 && ffree < files * 0.01) {
      findings.push(
        warning('disk.inodes', 'The file system can hold hardly any more files', {
          subject: folder,
          seen: `${ffree} of ${files} are left`,
          fix: 'Delete small files that are no longer needed; the space that is free does not help.',
        }),
      )
    }
    return findings
  },
}

export const growthCheck: Check = {
  id: 'disk.growth',
  category: 'disk',
  title: 'how fast the data grows',
  async run({ config, stores, now }) {
    const findings = []
    for (const name of ['sqlite', 'postgres'] as const) {
      const access = stores[name]
      if (access.state !== 'there') continue
      const growth = await readGrowth(access.store.db, access.location, now())
      if (growth === undefined) continue
      const title = name === 'sqlite' ? 'SQLite' : 'PostgreSQL'
      const perDay = growth.tables.reduce((sum, table) => sum + table.bytesPerDay, 0)
      const { bavail, bsize } = await statfs(nearestFolder(config.dataDir))
      // What PostgreSQL's own disk has left it does not say.
      const days = name === 'sqlite' ? daysUntilFull(growth.tables, bavail * bsize) : undefined
      const seen =
        `${bytes(growth.bytes)} now, about ${bytes(perDay)} more a day until the retention times take hold` +
        (days === undefined ? '' : `; the disk is full in about ${days} days`)
      const said = { subject: title, seen }
      findings.push(
        days !== undefined && days <= SOON_DAYS
          ? warning('disk.forecast', 'The disk of the data folder will be full soon', {
              ...said,
              fix: 'Put DATA_DIR on a larger disk, or shorten the retention times (Settings, Retention).',
            })
          : info('disk.forecast', 'How fast the data grows', said),
      )
    }
    return findings
  },
}
