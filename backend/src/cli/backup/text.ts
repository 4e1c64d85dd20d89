import type { Backup, BackupDetail, BackupList, BackupLoss, Operation } from '../../backups/backups.schema.ts'
import { count, size } from '../storage/text.ts'

const STORES = { sqlite: 'SQLite', postgres: 'PostgreSQL' } as const
const OTHERS = {
  copy: 'copy of the SQLite file before a cut over',
  old: 'SQLite file of another origin: holdfast adopt takes one of the older dashboard',
  link: 'link, not followed',
  folder: 'folder',
  foreign: 'no backup of Holdfast',
} as const
const STEPS: Readonly<Record<Operation['step'], string>> = {
  starting: 'starting',
  copying: 'copying the SQLite file',
  dumping: 'dumping PostgreSQL',
  restoring: 'restoring into a scratch place',
  comparing: 'comparing every row',
  saving: 'backing up what is there now',
  swapping: 'exchanging the stores',
}

export const operationText = ({ kind, step }: Operation): string => `${kind}: ${STEPS[step]}`

const time = (at: string) => `${at.slice(0, 19).replace('T', ' ')} UTC`

function state({ problem, provedAt, proveProblem }: Backup): string {
  if (problem) return `cannot be read: ${problem.message}`
  if (proveProblem !== null) return `NOT proved: ${proveProblem}`
  return provedAt === null ? 'not proved yet' : `proved ${time(provedAt)}`
}

export function listText({ items, others, setAside, operation, last, folder }: BackupList): string {
  const lines = items.flatMap((item) => [
    `${item.name}  ${size(item.bytes)}${item.encrypted ? '  encrypted' : ''}`,
    `    ${time(item.createdAt)}  ${item.stores.map((store) => STORES[store]).join(' + ')}  ${count(item.rows)} rows  ${state(item)}`,
  ])
  return [
    ...(lines.length === 0 ? [`No backup in ${folder}`] : lines),
    ...others.map(({ name, bytes, kind }) => `${name}  ${size(bytes)}  ${OTHERS[kind]}`),
    ...setAside.map(
      ({ name, bytes }) => `${name}  ${bytes === null ? '' : size(bytes)}  set aside by a restore`,
    ),
    ...(operation ? [`Under way: ${operationText(operation)}`] : []),
    ...(last?.outcome === 'failed'
      ? [`The last ${last.kind} failed, ${time(last.at)}: ${last.message}`]
      : []),
  ].join('\n')
}

export function detailText({ backup, stores }: BackupDetail): string {
  return [
    `${backup.name}  ${size(backup.bytes)}  ${time(backup.createdAt)}  version ${backup.version ?? 'unknown'}`,
    `  ${state(backup)}`,
    ...stores.flatMap(({ store, version, extensions, tables }) => [
      `  ${[`${STORES[store]} ${version}`, ...extensions.map((each) => `${each.name} ${each.version}`)].join(', ')}`,
      ...tables.filter(({ rows }) => rows > 0).map(({ table, rows }) => `    ${table}  ${count(rows)}`),
    ]),
  ].join('\n')
}

export function lossText({ since, tables }: BackupLoss): string {
  if (tables.length === 0) return `Nothing that is counted has changed since ${time(since)}`
  return [
    `Going back to ${time(since)} loses:`,
    ...tables.map(({ table, newer, current, restored }) => {
      const rows = `${count(current)} rows now, ${count(restored)} then`
      return `  ${table}  ${newer === null ? rows : `${count(newer)} newer rows (${rows})`}`
    }),
  ].join('\n')
}
