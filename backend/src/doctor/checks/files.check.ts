import { accessSync, constants, readdirSync, type Stats, statSync } from 'node:fs'
import { statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { FILE_VARIABLES } from '../../core/config/env.schema.ts'
import { type Check, type DoctorContext, error, type Finding, info, ok, warning } from '../check.ts'
import { nearestFolder } from '../folder.ts'

/** Files that hold keys, or what a key gives: nobody else may read them. */
const KEYS = new Set(['secret.key', 'server.json'])
/** Beyond it the folder holds something else: looking at more says no more. */
const MAX_ENTRIES = 500
/** Kinds of file systems, as statfs numbers them. */
const NETWORK: Readonly<Record<number, string>> = {
  26985: 'NFS',
  4283649346: 'CIFS',
  4266872130: 'SMB',
  1702057286: 'FUSE (sshfs, a cloud drive or the like)',
  16914839: '9P (a folder of the host of a virtual machine)',
  1397113167: 'AFS',
  12805120: 'Ceph',
}
const PASSING: Readonly<Record<number, string>> = {
  16914836: 'memory (tmpfs): it is empty after the next start of the machine',
  2240043254: 'memory (ramfs): it is empty after the next start of the machine',
  2035054128: 'the layer of a container (overlay): it is gone with the container',
}

export const filesCheck: Check = {
  id: 'files',
  category: 'files',
  title: 'owner and permissions of the data folder',
  async run({ config, env }) {
    const folder = config.dataDir
    const stats = statSync(folder, { throwIfNoEntry: false })
    if (!stats) {
      return [
        info('files.missing', 'There is no data folder yet', {
          subject: folder,
          seen: 'The first start makes it.',
        }),
      ]
    }
    const findings = [
      ...reachable(folder, stats),
      ...shared(folder, stats, false),
      ...readdirSync(folder, { withFileTypes: true })
        .slice(0, MAX_ENTRIES)
        .flatMap((entry) => entryOf(join(folder, entry.name), KEYS.has(entry.name))),
      ...(config.backupDir.startsWith(`${folder}/`) ? [] : folderOf(config.backupDir)),
      ...FILE_VARIABLES.flatMap((name) => entryOf(env[`${name}_FILE`], true)),
    ]
    if (process.getuid?.() === 0) {
      findings.push(
        info('files.root', 'It runs as root', {
          fix: 'A user of its own is enough; it needs the group of the Docker socket, and the data folder.',
        }),
      )
    }
    const clean = ok('files.private', 'The data folder is for its owner alone', { subject: folder })
    return findings.some(({ severity }) => severity !== 'info') ? findings : [...findings, clean]
  },
}

function reachable(path: string, stats: Stats): Finding[] {
  const isFolder = stats.isDirectory()
  try {
    accessSync(path, constants.R_OK | constants.W_OK | (isFolder ? constants.X_OK : 0))
    return []
  } catch (reason) {
    const uid = process.getuid?.() ?? 0
    return [
      error('files.not-writable', `A ${isFolder ? 'folder' : 'file'} cannot be written`, {
        subject: path,
        seen: `${reason instanceof Error ? reason.message : String(reason)}; owner ${stats.uid}, mode ${modeOf(stats)}, this process is user ${uid}`,
        fix: 'Give it to the user of the server.',
        command: `chown ${uid} ${quoted(path)} && chmod u+rw${isFolder ? 'x' : ''} ${quoted(path)}`,
      }),
    ]
  }
}

/** Others than the owner who may do something with it. */
function shared(path: string, stats: Stats, isKey: boolean): Finding[] {
  const others = stats.mode & 0o077
  if (others === 0) return []
  const privateMode = stats.isDirectory() ? '700' : '600'
  const extra = {
    subject: path,
    seen: `mode ${modeOf(stats)}, private is 0${privateMode}`,
    command: `chmod ${privateMode} ${quoted(path)}`,
  }
  if (isKey)
    return [
      error('files.key-readable', 'Others can read a key', {
        ...extra,
        fix: 'Take their rights away, and make a new key if anybody may have read it.',
      }),
    ]
  const writable = (others & 0o022) !== 0
  return [
    (writable ? error : warning)(
      writable ? 'files.writable-by-others' : 'files.readable-by-others',
      `Others can ${writable ? 'change' : 'read'} what is in a folder of the product`,
      { ...extra, fix: 'Take their rights away.' },
    ),
  ]
}

function entryOf(path: string | undefined, isKey: boolean): Finding[] {
  const stats = path === undefined ? undefined : statSync(path, { throwIfNoEntry: false })
  if (path === undefined || !stats || !(stats.isFile() || stats.isDirectory())) return []
  // A mounted secret is another user's: who may read it was decided there.
  if (isKey && stats.uid !== process.getuid?.()) return []
  // The folder keeps others away from what is in it: only what they could be handed counts.
  return [...(isKey ? [] : reachable(path, stats)), ...(isKey ? shared(path, stats, true) : [])]
}

/** A folder that may be missing: it is made when it is needed. */
function folderOf(path: string): Finding[] {
  const stats = statSync(path, { throwIfNoEntry: false })
  return stats ? [...reachable(path, stats), ...shared(path, stats, false)] : []
}

const modeOf = (stats: Stats) => `0${(stats.mode & 0o777).toString(8)}`
const quoted = (path: string) => (/^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`)

export const placeCheck: Check = {
  id: 'files.place',
  category: 'files',
  title: 'the file system of the data folder',
  async run({ config, stores }: DoctorContext) {
    const { type } = await statfs(nearestFolder(config.dataDir))
    const network = NETWORK[type]
    if (network !== undefined && stores.sqlite.state !== 'absent') {
      return [
        warning('files.network', 'The SQLite file is on a network file system', {
          subject: config.dataDir,
          seen: network,
          fix: 'Its locks are not to be relied on there: the file can be damaged. Put DATA_DIR on a disk of this machine.',
        }),
      ]
    }
    const passing = PASSING[type]
    if (passing === undefined) return []
    return [
      warning('files.passing', 'The data folder does not last', {
        subject: config.dataDir,
        seen: `It is in ${passing}`,
        fix: 'Mount a volume at DATA_DIR, or set DATA_DIR to a folder on a disk.',
      }),
    ]
  },
}
