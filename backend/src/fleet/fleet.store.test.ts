import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { plainDatabases, type TestDatabase } from '../../test/databases.ts'
import { createFleetStore, type EndpointValues, type FleetStore, type NewFleetEvent } from './fleet.store.ts'
import { LOCAL_ENDPOINT } from './local-endpoint.ts'

function anEndpoint(over: Partial<EndpointValues> = {}): EndpointValues {
  return {
    ...LOCAL_ENDPOINT,
    kind: 'docker',
    name: 'atlas',
    url: 'tcp://10.0.0.5:2375',
    ...over,
  }
}

function anEvent(over: Partial<NewFleetEvent> = {}): NewFleetEvent {
  return {
    at: '2026-11-21T03:04:05.123Z',
    endpointId: 1,
    kind: 'container',
    action: 'start',
    subjectId: 'c4e1c1634a11',
    subjectName: 'web',
    stack: 'shop',
    attributes: { image: 'web:1' },
    ...over,
  }
}

describe.each(plainDatabases)('fleet store on $name', (kind) => {
  let database: TestDatabase
  let store: FleetStore
  beforeAll(async () => {
    database = await kind.open({ migrated: true })
    store = createFleetStore(database.db)
  })
  afterAll(() => database.close())
  beforeEach(async () => {
    await database.db.execute('DELETE FROM endpoints')
    await database.db.execute('DELETE FROM fleet_events')
  })

  it('gives back what was stored', async () => {
    const values = anEndpoint({ tlsCa: 'ca', tlsKeySealed: 'v1:x', tlsVerify: false, allowActions: true })
    const row = await store.insertEndpoint(values)
    expect(row).toEqual({ id: row.id, ...values })
    expect(await store.listEndpoints()).toEqual([row])
  })

  it('refuses a second endpoint of the same name', async () => {
    await store.insertEndpoint(anEndpoint())
    await expect(store.insertEndpoint(anEndpoint())).rejects.toMatchObject({ kind: 'unique' })
  })

  it('changes an endpoint, and says when there is none', async () => {
    const { id } = await store.insertEndpoint(anEndpoint())
    expect(await store.updateEndpoint(id, anEndpoint({ name: 'titan', url: null }))).toMatchObject({
      id,
      name: 'titan',
      url: null,
    })
    expect(await store.updateEndpoint(id + 1000, anEndpoint())).toBeUndefined()
  })

  it('makes environments equal to the given ones and removes them with their server', async () => {
    const parent = await store.insertEndpoint(anEndpoint({ kind: 'portainer', name: 'portainer' }))
    const child = (externalId: number, name: string) =>
      anEndpoint({ parentId: parent.id, externalId, name, url: null })
    const names = async () =>
      (await store.listEndpoints()).map(({ name, externalId }) => `${externalId} ${name}`)
    await store.replaceChildren(parent.id, [child(1, 'one'), child(2, 'two')])
    const before = await store.listEndpoints()
    await store.replaceChildren(parent.id, [child(2, 'deux'), child(3, 'three')])
    expect(await names()).toEqual(['null portainer', '2 deux', '3 three'])
    expect((await store.listEndpoints())[1]?.id).toBe(before[2]?.id)
    expect(await store.deleteEndpoint(parent.id)).toBe(true)
    expect(await store.listEndpoints()).toEqual([])
    expect(await store.deleteEndpoint(parent.id)).toBe(false)
  })

  it('stores events in order and lists the newest first', async () => {
    const ids = await store.insertEvents([anEvent({ action: 'die' }), anEvent({ action: 'start' })])
    expect(ids).toEqual([...ids].sort((a, b) => a - b))
    const listed = await store.listEvents({ limit: 10 })
    expect(listed).toEqual([
      { id: ids[1], ...anEvent({ action: 'start' }) },
      { id: ids[0], ...anEvent({ action: 'die' }) },
    ])
    expect(await store.insertEvents([])).toEqual([])
  })

  it('pages through events of the same moment without losing or repeating one', async () => {
    await store.insertEvents(Array.from({ length: 25 }, (_, index) => anEvent({ subjectId: String(index) })))
    const seen: string[] = []
    let before: { at: string; id: number } | undefined
    for (;;) {
      const page = await store.listEvents({ limit: 10, before })
      seen.push(...page.map(({ subjectId }) => subjectId))
      const last = page.at(-1)
      if (!last) break
      before = { at: last.at, id: last.id }
    }
    expect(seen).toEqual(Array.from({ length: 25 }, (_, index) => String(24 - index)))
  })

  it('filters by endpoint, name and time', async () => {
    await store.insertEvents([
      anEvent({ endpointId: 2 }),
      anEvent({ subjectName: 'db' }),
      anEvent({ at: '2026-11-20T00:00:00.000Z' }),
      anEvent({ kind: 'endpoint', action: 'up', at: '2026-11-22T00:00:00.000Z' }),
    ])
    expect(await store.listEvents({ limit: 9, endpointId: 2 })).toHaveLength(1)
    expect(await store.listEvents({ limit: 9, subjectName: 'db' })).toHaveLength(1)
    expect(await store.listEvents({ limit: 9, since: '2026-11-21T03:04:05.123Z' })).toHaveLength(3)
    expect(await store.lastEngineEventAt(1)).toBe('2026-11-21T03:04:05.123Z')
    expect(await store.lastEngineEventAt(9)).toBeUndefined()
  })

  it('deletes old events in pieces', async () => {
    await store.insertEvents([
      ...Array.from({ length: 5 }, () => anEvent({ at: '2026-10-01T00:00:00.000Z' })),
      anEvent(),
    ])
    const before = '2026-11-01T00:00:00.000Z'
    expect(await store.deleteEventsBefore(before, 3)).toBe(3)
    expect(await store.deleteEventsBefore(before, 3)).toBe(2)
    expect(await store.listEvents({ limit: 9 })).toHaveLength(1)
  })
})
