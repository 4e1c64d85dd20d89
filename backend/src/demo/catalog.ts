/** What runs in the simulated fleet: the stacks of an invented company. */

import { delivery, payments, shop, warehouse } from './business-stacks.ts'
import { analytics, backup, collab, edge, identity, monitoring } from './platform-stacks.ts'
import { type ServiceTemplate, type StackTemplate, vendor } from './templates.ts'

export const STACKS: readonly StackTemplate[] = [
  shop,
  payments,
  analytics,
  monitoring,
  identity,
  edge,
  delivery,
  collab,
  warehouse,
  backup,
]

/** Containers that belong to no stack: one or two on each host. */
export const STANDALONE: readonly ServiceTemplate[] = [
  vendor('portainer_agent', 'portainer/agent', '2.24.1', {
    imageMb: 171,
    memoryMb: 32,
    cores: 0.02,
    ports: ['9001:9001'],
    logs: 'plain',
    env: ['AGENT_SECRET={secret}'],
  }),
  vendor('watchtower', 'containrrr/watchtower', '1.7.1', {
    imageMb: 15,
    memoryMb: 14,
    cores: 0.01,
    logRate: 0.02,
  }),
]

/** Prefixes of further copies of the stacks, when there is room for more than one of each. */
export const TENANTS: readonly string[] = [
  'eu',
  'us',
  'apac',
  'staging',
  'qa',
  'demo',
  'north',
  'south',
  'east',
  'west',
]
