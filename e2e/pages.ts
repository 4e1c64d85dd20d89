import type { APIRequestContext, BrowserContext } from 'playwright-core'

export interface PageCase {
  /** File name of its screenshots. */
  readonly name: string
  readonly path: string
  readonly signedIn: boolean
}

const fixed: readonly PageCase[] = [
  { name: 'overview', path: '/', signedIn: true },
  { name: 'hosts', path: '/hosts', signedIn: true },
  { name: 'containers', path: '/containers', signedIn: true },
  { name: 'stacks', path: '/stacks', signedIn: true },
  { name: 'images', path: '/images', signedIn: true },
  { name: 'networks', path: '/networks', signedIn: true },
  { name: 'events', path: '/events', signedIn: true },
  { name: 'storage', path: '/storage', signedIn: true },
  { name: 'storage-plan', path: '/storage?tab=plan', signedIn: true },
  { name: 'storage-quarantine', path: '/storage?tab=quarantine', signedIn: true },
  { name: 'storage-timeline', path: '/storage?tab=timeline', signedIn: true },
  { name: 'backups', path: '/backups', signedIn: true },
  { name: 'audit', path: '/audit', signedIn: true },
  { name: 'system', path: '/system', signedIn: true },
  { name: 'doctor', path: '/doctor', signedIn: true },
  { name: 'settings-general', path: '/settings', signedIn: true },
  { name: 'settings-retention', path: '/settings?tab=retention', signedIn: true },
  { name: 'settings-backups', path: '/settings?tab=backups', signedIn: true },
  { name: 'settings-endpoints', path: '/settings?tab=endpoints', signedIn: true },
  { name: 'settings-users', path: '/settings?tab=users', signedIn: true },
  { name: 'settings-tokens', path: '/settings?tab=tokens', signedIn: true },
  { name: 'settings-account', path: '/settings?tab=sessions', signedIn: true },
  { name: 'not-found', path: '/nowhere', signedIn: true },
  { name: 'login', path: '/login', signedIn: false },
]

interface Container {
  endpointId: number
  id: string
  name: string
  stack: string | null
}

/** A running container of a stack, for the pages that are about one; that of a name, or the first. */
export async function aContainer(request: APIRequestContext, name?: string): Promise<Container> {
  const answer = await request.get('/api/containers?state=running&limit=200')
  const { items }: { items: Container[] } = await answer.json()
  const found = items.find(
    (container) => container.stack !== null && [undefined, container.name].includes(name),
  )
  if (!found) throw new Error(`The simulated fleet has no running container in a stack: ${name ?? 'any'}`)
  return found
}

/** This machine, which alone shows its processes. */
async function localHost(context: BrowserContext): Promise<number> {
  const answer = await context.request.get('/api/hosts')
  const { items }: { items: { endpointId: number; kind: string }[] } = await answer.json()
  const found = items.find((host) => host.kind === 'local')
  if (!found) throw new Error('This machine is not among the hosts')
  return found.endpointId
}

/** Every page there is; details are of the first thing of their kind. */
export async function allPages(context: BrowserContext): Promise<PageCase[]> {
  const local = await localHost(context)
  const { endpointId, name, stack } = await aContainer(context.request)
  const container = `/containers/${endpointId}/${name}`
  const details = [
    { name: 'host', path: `/hosts/${local}` },
    { name: 'host-processes', path: `/hosts/${local}?tab=processes` },
    { name: 'host-hardware', path: `/hosts/${local}?tab=hardware` },
    { name: 'container', path: container },
    { name: 'container-day', path: `${container}?range=24h` },
    { name: 'container-logs', path: `${container}?tab=logs` },
    { name: 'container-events', path: `${container}?tab=events` },
    { name: 'container-config', path: `${container}?tab=config` },
    { name: 'container-processes', path: `${container}?tab=processes` },
    { name: 'stack', path: `/stacks/${endpointId}/${stack}` },
    { name: 'stack-logs', path: `/stacks/${endpointId}/${stack}?tab=logs` },
  ].map((page) => ({ ...page, signedIn: true }))
  return [...fixed, ...details]
}
