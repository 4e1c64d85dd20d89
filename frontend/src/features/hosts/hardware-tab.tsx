import type { ReactNode } from 'react'
import type { HostDetail } from '../../lib/api/types.ts'
import { cn } from '../../lib/cn.ts'
import { formatBytes, formatPercent, formatRate } from '../../lib/format.ts'
import { fleetTexts } from '../../lib/texts/fleet.ts'
import { texts } from '../../lib/texts.ts'
import { Badge } from '../../ui/badge.tsx'
import { Card, CardHeader } from '../../ui/card.tsx'
import { Meter } from '../../ui/meter.tsx'

const t = fleetTexts.host
const CELL = 'px-2 first:pl-4 last:pr-4 sm:px-4'
const dash = <span className="text-ink-3">–</span>

/** File systems, disks, interfaces and sensors with their newest values. */
export function HardwareTab({ host }: { host: HostDetail }) {
  return (
    <div className="grid items-start gap-3 xl:grid-cols-2">
      <Card className="xl:col-span-2">
        <CardHeader title={t.filesystemTable} />
        {host.filesystems.length === 0 ? (
          <p className="px-4 pb-4 text-ink-3 text-sm">{t.noFilesystems}</p>
        ) : (
          <Table
            heads={[t.mount, t.device, t.type, t.usedOf, t.available]}
            rightFrom={3}
            wideOnly={[1, 2]}
            rows={host.filesystems.map((fs) => [
              fs.mount,
              <code key="device" className="mono">
                {fs.device}
              </code>,
              fs.type,
              <span key="used" className="flex items-center justify-end gap-2">
                {formatBytes(fs.usedBytes)} / {formatBytes(fs.totalBytes)}
                <Meter
                  className="w-12 sm:w-24"
                  ratio={fs.totalBytes === 0 ? 0 : fs.usedBytes / fs.totalBytes}
                  label={t.usedOf}
                />
              </span>,
              formatBytes(fs.availableBytes),
            ])}
          />
        )}
      </Card>
      {host.disks.length > 0 && (
        <Card>
          <CardHeader title={t.disks} />
          <Table
            heads={[t.device, t.read, t.write, t.busy]}
            rightFrom={1}
            rows={host.disks.map((disk) => [
              <code key="device" className="mono">
                {disk.device}
              </code>,
              disk.readBytesPerSecond === null ? dash : formatRate(disk.readBytesPerSecond),
              disk.writeBytesPerSecond === null ? dash : formatRate(disk.writeBytesPerSecond),
              disk.busyPercent === null ? dash : formatPercent(disk.busyPercent),
            ])}
          />
        </Card>
      )}
      {host.interfaces.length > 0 && (
        <Card>
          <CardHeader title={t.interfaces} />
          <Table
            heads={[t.device, t.speed, t.in, t.out, t.mac]}
            rightFrom={1}
            wideOnly={[1, 4]}
            rows={host.interfaces.map((nic) => [
              <span key="name" className="inline-flex items-center gap-2">
                <code className="mono">{nic.name}</code>
                <Badge>{nic.up ? texts.state.up : texts.state.down}</Badge>
              </span>,
              nic.speedMbit === null ? dash : `${nic.speedMbit} Mbit/s`,
              nic.rxBytesPerSecond === null ? dash : formatRate(nic.rxBytesPerSecond),
              nic.txBytesPerSecond === null ? dash : formatRate(nic.txBytesPerSecond),
              <code key="mac" className="mono">
                {nic.mac}
              </code>,
            ])}
          />
        </Card>
      )}
      {host.temperatures.length > 0 && (
        <Card>
          <CardHeader title={t.temperatures} />
          <Table
            heads={[t.device, '°C']}
            rightFrom={1}
            rows={host.temperatures.map((sensor) => [sensor.sensor, sensor.celsius.toFixed(1)])}
          />
        </Card>
      )}
    </div>
  )
}

function Table(props: {
  heads: readonly string[]
  rightFrom: number
  /** Columns that a phone has no room for. */
  wideOnly?: readonly number[]
  rows: readonly (readonly ReactNode[])[]
}) {
  const side = (column: number) =>
    cn(
      column >= props.rightFrom ? 'text-right' : 'text-left',
      // A name may be long; a figure is never broken.
      column === 0 ? '[overflow-wrap:anywhere]' : 'whitespace-nowrap',
      props.wideOnly?.includes(column) && 'max-sm:hidden',
    )
  return (
    <div className="overflow-x-auto pb-2">
      <table className="tabular w-full text-sm">
        <thead className="text-ink-3 text-xs">
          <tr>
            {props.heads.map((head, column) => (
              <th key={head} scope="col" className={cn(CELL, 'py-1 font-medium', side(column))}>
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {props.rows.map((row, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: nothing else tells two equal devices apart, and they keep their place.
            <tr key={index} className="border-line border-t">
              {row.map((cell, column) => (
                <td key={props.heads[column]} className={cn(CELL, 'py-1.5', side(column))}>
                  {cell}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
