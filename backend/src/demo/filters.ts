/** The `filters` parameter of the Engine API. */
import { type Container, EngineError, type EngineEvent } from './engine.ts'
import { imageOf } from './world.ts'

export type Filters = ReadonlyMap<string, readonly string[]>

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/**
 * Reads `{"status":["running"]}` and the older `{"status":{"running":true}}`.
 *
 * @throws EngineError 400 on anything else.
 */
export function parseFilters(text: string | null): Filters {
  if (text === null || text === '') return new Map()
  let document: unknown
  try {
    document = JSON.parse(text)
  } catch {
    throw new EngineError(400, 'invalid filter')
  }
  if (!isRecord(document)) throw new EngineError(400, 'invalid filter')
  const filters = new Map<string, string[]>()
  for (const [key, value] of Object.entries(document)) {
    if (Array.isArray(value)) filters.set(key, value.map(String))
    else if (isRecord(value))
      filters.set(
        key,
        Object.keys(value).filter((name) => value[name] === true),
      )
    else throw new EngineError(400, `invalid filter '${key}'`)
  }
  return filters
}

function hasLabel(labels: Readonly<Record<string, string>>, wanted: string): boolean {
  const [key = '', ...rest] = wanted.split('=')
  return rest.length === 0 ? key in labels : labels[key] === rest.join('=')
}

const CONTAINER_FILTERS = new Set([
  'status',
  'name',
  'id',
  'label',
  'health',
  'ancestor',
  'network',
  'exited',
  'volume',
  'publish',
  'expose',
  'before',
  'since',
  'is-task',
])

/** Whether a container passes; several values of one key are alternatives, but labels must all be there. */
export function passes(
  { slot, snapshot }: Container,
  labels: Readonly<Record<string, string>>,
  filters: Filters,
): boolean {
  for (const [key, values] of filters) {
    if (!CONTAINER_FILTERS.has(key)) throw new EngineError(400, `invalid filter '${key}'`)
    const any = (test: (value: string) => boolean) => values.length === 0 || values.some(test)
    const image = imageOf(slot, snapshot.incarnation.deploy)
    let passed = true
    if (key === 'status') passed = any((value) => value === snapshot.state)
    else if (key === 'name') passed = any((value) => slot.name.includes(value.replace(/[/^$]/g, '')))
    else if (key === 'id') passed = any((value) => snapshot.incarnation.id.startsWith(value))
    else if (key === 'label') passed = values.every((value) => hasLabel(labels, value))
    else if (key === 'health') passed = any((value) => value === snapshot.health)
    else if (key === 'ancestor') passed = any((value) => image === value || image.startsWith(`${value}:`))
    else if (key === 'network')
      passed = any((value) => slot.network.name === value || slot.network.id.startsWith(value))
    else if (key === 'exited')
      passed = any((value) => snapshot.state === 'exited' && String(snapshot.exitCode) === value)
    if (!passed) return false
  }
  return true
}

/** Whether an event passes. An action with details (`health_status: healthy`) passes by its first word too. */
export function eventPasses(event: EngineEvent, filters: Filters): boolean {
  for (const [key, values] of filters) {
    const any = (test: (value: string) => boolean) => values.length === 0 || values.some(test)
    const { attributes, action, type, actorId } = event
    const of = (kind: EngineEvent['type']) => (value: string) =>
      type === kind && (actorId.startsWith(value) || attributes.name === value)
    let passed = true
    if (key === 'type') passed = any((value) => value === type)
    else if (key === 'event') passed = any((value) => value === action || action.startsWith(`${value}:`))
    else if (key === 'container') passed = any(of('container'))
    else if (key === 'network') passed = any(of('network'))
    else if (key === 'image') passed = any((value) => attributes.image === value)
    else if (key === 'label') passed = values.every((value) => hasLabel(attributes, value))
    else if (key !== 'scope' && key !== 'daemon') passed = false
    if (!passed) return false
  }
  return true
}
