import { EyeOff } from 'lucide-react'
import type { ReactNode } from 'react'
import type { ContainerDetail } from '../../lib/api/types.ts'
import { formatBytes, formatDuration, formatNumber } from '../../lib/format.ts'
import { fleetTexts } from '../../lib/texts/fleet.ts'
import { Badge, Status } from '../../ui/badge.tsx'
import { Card, CardBody, CardHeader } from '../../ui/card.tsx'
import { Time } from '../../ui/time.tsx'

const t = fleetTexts.container

/** How the container was made: values of variables that look like secrets never left the server. */
export function ConfigTab({ container }: { container: ContainerDetail }) {
  return (
    <div className="gap-3 *:mb-3 *:break-inside-avoid xl:columns-2">
      <General container={container} />
      <Limits container={container} />
      <Environment container={container} />
      <Mounts container={container} />
      <Networks container={container} />
      <Healthcheck container={container} />
      <Labels container={container} />
    </div>
  )
}

function Facts({ items }: { items: readonly [name: string, value: ReactNode][] }) {
  return (
    <dl className="grid grid-cols-[minmax(6rem,max-content)_1fr] gap-x-4 gap-y-1.5 text-sm">
      {items.map(([name, value]) => (
        <div key={name} className="contents">
          <dt className="text-ink-3">{name}</dt>
          <dd className="min-w-0 [overflow-wrap:anywhere]">{value}</dd>
        </div>
      ))}
    </dl>
  )
}

function Section(props: { title: string; count?: number; empty?: string; children: ReactNode }) {
  return (
    <Card>
      <CardHeader title={props.title} actions={props.count ? <Badge>{props.count}</Badge> : undefined} />
      <CardBody>
        {props.count === 0 ? <p className="text-ink-3 text-sm">{props.empty}</p> : props.children}
      </CardBody>
    </Card>
  )
}

const byImage = <span className="text-ink-3">{t.userDefault}</span>

const code = (words: readonly string[]) =>
  words.length === 0 ? byImage : <code className="mono">{words.join(' ')}</code>

function General({ container }: { container: ContainerDetail }) {
  const ended: [string, ReactNode][] =
    container.finishedAt !== null && container.state !== 'running'
      ? [
          [t.finished, <Time key="at" at={container.finishedAt} />],
          [t.exit, `${container.exitCode ?? ''}${container.oomKilled ? ` · ${t.oom}` : ''}`],
        ]
      : []
  return (
    <Section title={t.general}>
      <Facts
        items={[
          [t.image, container.image],
          [t.command, code(container.command)],
          [t.entrypoint, code(container.entrypoint)],
          [t.workingDir, container.workingDir === '' ? '/' : container.workingDir],
          [t.user, container.user === '' ? byImage : container.user],
          [t.hostname, container.hostname],
          [t.restartPolicy, container.restartPolicy],
          [t.restarts, container.restartCount],
          [t.created, <Time key="created" at={container.createdAt} />],
          ...ended,
          ...(container.error === '' ? [] : [[t.error, container.error] satisfies [string, string]]),
          [t.logDriver, container.logDriver],
          [t.tty, container.tty ? t.yes : t.no],
        ]}
      />
    </Section>
  )
}

function Limits({ container }: { container: ContainerDetail }) {
  const { cpus, memoryBytes, pids } = container.limits
  const none = <span className="text-ink-3">{t.unlimited}</span>
  return (
    <Section title={t.limits}>
      <Facts
        items={[
          [t.limitCpus, cpus === null ? none : fleetTexts.host.cores(cpus)],
          [t.limitMemory, memoryBytes === null ? none : formatBytes(memoryBytes)],
          [t.limitPids, pids === null ? none : formatNumber(pids)],
          [
            t.privileged,
            container.privileged ? (
              <Status key="privileged" tone="warn" look="plain">
                {t.yes}
              </Status>
            ) : (
              t.no
            ),
          ],
          [t.capabilities, container.capAdd.length === 0 ? t.none : container.capAdd.join(', ')],
        ]}
      />
    </Section>
  )
}

function Environment({ container }: { container: ContainerDetail }) {
  return (
    <Section title={t.environment} count={container.env.length} empty={t.noEnvironment}>
      <Facts
        items={container.env.map(({ name, value, masked }) => [
          name,
          masked ? (
            <span key="masked" className="inline-flex items-center gap-1 text-ink-3">
              <EyeOff className="size-3.5" aria-hidden /> {t.masked}
            </span>
          ) : (
            <code key="value" className="mono">
              {value}
            </code>
          ),
        ])}
      />
    </Section>
  )
}

function Table({ heads, rows }: { heads: readonly string[]; rows: readonly (readonly ReactNode[])[] }) {
  return (
    <div className="overflow-x-auto">
      <table className="w-full text-sm">
        <thead className="text-ink-3 text-xs">
          <tr>
            {heads.map((head) => (
              <th key={head} scope="col" className="py-1 pr-4 text-left font-medium">
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: nothing else tells two equal rows apart, and they never move.
            <tr key={index} className="border-line border-t align-top">
              {row.map((cell, column) => (
                <td key={heads[column]} className="py-1.5 pr-4 [overflow-wrap:anywhere]">
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

function Mounts({ container }: { container: ContainerDetail }) {
  return (
    <Section title={t.mounts} count={container.mounts.length} empty={t.noMounts}>
      <Table
        heads={[t.source, t.destination, t.access]}
        rows={container.mounts.map((mount) => [
          <span key="source">
            <code className="mono">{mount.source}</code>{' '}
            <span className="text-ink-3 text-xs">{mount.type}</span>
          </span>,
          <code key="destination" className="mono">
            {mount.destination}
          </code>,
          mount.rw ? t.readWrite : t.readOnly,
        ])}
      />
    </Section>
  )
}

function Networks({ container }: { container: ContainerDetail }) {
  return (
    <Section title={t.networksTitle} count={container.networkSettings.length} empty={t.noNetworks}>
      <Table
        heads={[t.network, t.address, t.gateway, t.aliases]}
        rows={container.networkSettings.map((network) => [
          network.name,
          <code key="ip" className="mono">
            {network.ip}
          </code>,
          <code key="gateway" className="mono">
            {network.gateway}
          </code>,
          network.aliases.join(', '),
        ])}
      />
      {container.ports.length > 0 && (
        <div className="mt-3">
          <Table
            heads={[t.ports, t.published]}
            rows={container.ports.map((port) => [
              `${port.private}/${port.type}`,
              port.public === null ? (
                <span key="none" className="text-ink-3">
                  {t.notPublished}
                </span>
              ) : (
                <code key="at" className="mono">{`${port.ip ?? ''}:${port.public}`}</code>
              ),
            ])}
          />
        </div>
      )}
    </Section>
  )
}

function Healthcheck({ container }: { container: ContainerDetail }) {
  const check = container.healthcheck
  if (check === null) {
    return (
      <Section title={t.healthcheck} count={0} empty={t.noHealthcheck}>
        {null}
      </Section>
    )
  }
  return (
    <Section title={t.healthcheck}>
      <Facts
        items={[
          [t.test, code(check.test)],
          [t.every, formatDuration(check.intervalMs)],
          [t.retries, check.retries],
        ]}
      />
      {check.log.length > 0 && (
        <>
          <h3 className="mt-3 mb-1 text-ink-2 text-sm">{t.healthLog}</h3>
          <ol className="space-y-1">
            {[...check.log].reverse().map((entry) => (
              <li key={entry.at} className="rounded-md border border-line px-2 py-1 text-xs">
                <div className="flex items-center gap-2">
                  <Status tone={entry.exitCode === 0 ? 'ok' : 'critical'} look="plain">
                    {entry.exitCode === 0 ? t.passed : t.failed(entry.exitCode)}
                  </Status>
                  <Time at={entry.at} className="text-ink-3" />
                </div>
                {entry.output.trim() !== '' && (
                  <pre className="mono mt-0.5 max-h-24 overflow-auto whitespace-pre-wrap [overflow-wrap:anywhere]">
                    {entry.output.trim()}
                  </pre>
                )}
              </li>
            ))}
          </ol>
        </>
      )}
    </Section>
  )
}

function Labels({ container }: { container: ContainerDetail }) {
  const labels = Object.entries(container.labels).sort(([a], [b]) => a.localeCompare(b))
  return (
    <Section title={t.labels} count={labels.length} empty={t.noLabels}>
      <Facts
        items={labels.map(([name, value]) => [
          name,
          <code key={name} className="mono">
            {value}
          </code>,
        ])}
      />
    </Section>
  )
}
