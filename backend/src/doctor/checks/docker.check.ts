import { statSync } from 'node:fs'
import type { EndpointProbe } from '../../fleet/index.ts'
import { type Check, error, type Finding, info, ok, warning } from '../check.ts'

/** One reading of a container's load at once came with it; before, each takes a second or two. */
const COMFORTABLE_API = [1, 41] as const

export const dockerCheck: Check = {
  id: 'docker',
  category: 'docker',
  title: 'the endpoints',
  limitMs: 12_000,
  async run({ endpoints }) {
    const probes = await endpoints()
    const findings = probes.flatMap(judge)
    if (findings.length > 0) return findings
    return [info('docker.none', 'No endpoint is watched', { fix: 'Add one under Settings, Endpoints.' })]
  },
}

function judge(probe: EndpointProbe): Finding[] {
  const { name: subject, url, enabled, problem, engine, portainer, refused } = probe
  if (!enabled) return [info('docker.disabled', 'The endpoint is disabled', { subject })]
  if (url === null) {
    return [
      info('docker.no-engine', 'This machine has no Docker engine that is known of', {
        subject,
        seen: 'Neither DOCKER_HOST nor DOCKER_SOCKET is set, and no socket is in the usual places',
        fix: 'If there is one, set DOCKER_HOST, or mount its socket into the container of this product.',
      }),
    ]
  }
  if (problem) {
    return [
      error('docker.unreachable', 'The endpoint cannot be reached', {
        subject,
        seen: problem.message,
        fix: problem.hint ?? 'See whether the engine runs and the address is right (Settings, Endpoints).',
      }),
    ]
  }
  const findings = refused.map(({ what, message, hint }) =>
    error('docker.refused', `The endpoint does not let its ${what} be read`, {
      subject,
      seen: message,
      fix:
        hint ??
        `Allow GET of ${what}; a proxy of the socket has a variable for it (${what.toUpperCase()}=1).`,
    }),
  )
  if (engine) findings.push(...judgeEngine(subject, url, engine))
  else if (portainer !== undefined)
    findings.push(ok('docker.portainer', 'Portainer answers', { subject, seen: `Version ${portainer}` }))
  return findings
}

function judgeEngine(subject: string, url: string, engine: NonNullable<EndpointProbe['engine']>): Finding[] {
  const [major = 0, minor = 0] = engine.apiVersion.split('.').map(Number)
  const isOld = major < COMFORTABLE_API[0] || (major === COMFORTABLE_API[0] && minor < COMFORTABLE_API[1])
  const seen = `Docker ${engine.engineVersion}, API ${engine.apiVersion}, ${engine.os}`
  const findings = isOld
    ? [
        info('docker.old', 'The engine is old', {
          subject,
          seen,
          fix: 'It works, but sampling costs it more: update it to Docker 20.10 or later.',
        }),
      ]
    : [ok('docker.engine', 'The engine answers', { subject, seen })]
  const socket = url.startsWith('unix://') ? url.slice('unix://'.length) : undefined
  const stats = socket === undefined ? undefined : statSync(socket, { throwIfNoEntry: false })
  if (socket !== undefined && stats && (stats.mode & 0o002) !== 0) {
    findings.push(
      warning('docker.socket-open', 'Everybody on this machine can use the Docker socket', {
        subject: socket,
        seen: `mode 0${(stats.mode & 0o777).toString(8)}: whoever may write to it is root on this machine`,
        fix: 'Leave it to its group, and put the user of this product into that group.',
        command: `chmod 660 ${socket}`,
      }),
    )
  }
  if (url.startsWith('tcp://') || url.startsWith('http://')) {
    const host = URL.canParse(url) ? new URL(url).hostname : ''
    if (!/^(localhost|127\.|\[::1\])/.test(host) && host.includes('.')) {
      findings.push(
        warning('docker.no-tls', 'The engine is reached without TLS', {
          subject,
          seen: `${url}: whoever can reach that port is root on that machine`,
          fix: 'Use TLS with client certificates (port 2376), SSH forwarding, or Portainer.',
        }),
      )
    }
  }
  return findings
}
