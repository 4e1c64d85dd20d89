import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Answer, type Client, startTestApp, type TestApp } from '../test/app.ts'
import { plainDatabases, type TestDatabase } from '../test/databases.ts'

interface Schema {
  readonly $ref?: string
  readonly type?: string
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly anyOf?: readonly Schema[]
  readonly oneOf?: readonly Schema[]
  readonly allOf?: readonly Schema[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly format?: string
  readonly items?: Schema
  readonly minimum?: number
  readonly minLength?: number
}
interface Parameter {
  readonly name: string
  readonly in: string
  readonly required?: boolean
  readonly schema: Schema
}
interface Operation {
  readonly parameters?: readonly Parameter[]
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> }
}
interface Call {
  readonly method: string
  readonly path: string
  readonly body?: unknown
}

/** As they stand in an address: what is no UTF-8, no number in any range, no name, no date, or somebody's path. */
const WORDS = [
  '',
  '%20',
  '%00',
  '%ED%A0%80',
  '%FF%FE',
  '%zz',
  '..%2f..%2fetc%2fpasswd',
  '%2e%2e',
  '-1',
  '0',
  '1.5',
  '1e400',
  'NaN',
  '2147483648',
  '9223372036854775808',
  '9'.repeat(60),
  '0000-00-00T00:00:00Z',
  '+275760-09-14T00:00:00Z',
  '%27%3B+DROP+TABLE+users%3B--',
  '__proto__',
  'constructor',
  '%F0%9F%A4%96',
  '%5B%22a%22%5D',
  'a'.repeat(3_000),
]
const VALUES: readonly unknown[] = [
  null,
  true,
  -1,
  1.5,
  1e308,
  2 ** 53,
  '',
  ' ',
  'a\0b',
  '\ud800',
  '..',
  'x'.repeat(20_000),
  [],
  [null],
  {},
  { constructor: { prototype: 1 } },
]
const BODIES: readonly unknown[] = [
  'no json',
  '{"a":1',
  '[]',
  'null',
  '"text"',
  '1e999',
  '{"__proto__":{"role":"admin"}}',
  `${'['.repeat(20_000)}${']'.repeat(20_000)}`,
  '{}',
]
/** They end the session that the others need. */
const LEFT_OUT = new Set(['/api/auth/logout', '/api/auth/setup'])

describe.each(plainDatabases)('input of every route on $name', ({ open }) => {
  let database: TestDatabase
  let app: TestApp
  let admin: Client
  let operations: [string, string, Operation][]
  let schemas: Readonly<Record<string, Schema>>
  beforeAll(async () => {
    database = await open({ migrated: true })
    app = await startTestApp({ db: database.db })
    admin = await app.admin()
    const { body } = await admin.get('/api/openapi.json')
    schemas = body.components.schemas
    operations = Object.entries<Record<string, Operation>>(body.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]): [string, string, Operation] => [
        method.toUpperCase(),
        path,
        operation,
      ]),
    )
  })
  afterAll(async () => {
    await app.stop()
    await database.close()
  })

  /** Something that this schema may well take. */
  function sample(schema: Schema | undefined, depth = 0): unknown {
    if (!schema || depth > 5) return 'a'
    if (schema.$ref) return sample(schemas[schema.$ref.split('/').at(-1) ?? ''], depth + 1)
    if (schema.enum) return schema.enum[0]
    if (schema.const !== undefined) return schema.const
    const [first] = schema.anyOf ?? schema.oneOf ?? schema.allOf ?? []
    if (first) return sample(first, depth + 1)
    switch (schema.type) {
      case 'object':
        return Object.fromEntries(
          (schema.required ?? []).map((name) => [
            name,
            name.endsWith('assword') ? 'a long enough phrase' : sample(schema.properties?.[name], depth + 1),
          ]),
        )
      case 'array':
        return [sample(schema.items, depth + 1)]
      case 'integer':
      case 'number':
        return Math.max(schema.minimum ?? 1, 1)
      case 'boolean':
        return false
      case 'null':
        return null
      default:
        return schema.format === 'date-time' ? '2026-11-21T00:00:00Z' : 'a'.repeat(schema.minLength ?? 1)
    }
  }

  function membersOf(schema: Schema): string[] {
    if (schema.$ref) return membersOf(schemas[schema.$ref.split('/').at(-1) ?? ''] ?? {})
    const parts = [...(schema.anyOf ?? []), ...(schema.oneOf ?? []), ...(schema.allOf ?? [])]
    return [...new Set([...Object.keys(schema.properties ?? {}), ...parts.flatMap(membersOf)])]
  }

  function* callsOf(method: string, path: string, operation: Operation): Generator<Call> {
    const parameters = operation.parameters ?? []
    const media = operation.requestBody?.content['application/json']
    const base = { method, ...(media && { body: sample(media.schema) }) }
    const named = (values: Readonly<Record<string, string>>) =>
      path.replaceAll(/\{(\w+)\}/g, (_, name: string) => values[name] ?? '1')
    for (const { name } of parameters.filter((each) => each.in === 'path')) {
      for (const word of WORDS) yield { ...base, path: named({ [name]: word }) }
    }
    const queries = parameters.filter((each) => each.in === 'query')
    for (const { name } of queries) {
      // What else is needed is there, so that this one is looked at.
      const others = queries
        .filter((each) => each.required && each.name !== name)
        .map((each) => `${each.name}=${encodeURIComponent(String(sample(each.schema)))}`)
      const rest = others.length > 0 ? `&${others.join('&')}` : ''
      for (const word of WORDS) yield { ...base, path: `${named({})}?${name}=${word}${rest}` }
      yield { ...base, path: `${named({})}?${name}=1&${name}=2` }
      yield { ...base, path: `${named({})}?${name}[a][b]=1` }
    }
    if (!media) return
    for (const body of BODIES) yield { method, path: named({}), body }
    const whole = sample(media.schema)
    if (typeof whole !== 'object' || whole === null) return
    for (const name of membersOf(media.schema)) {
      for (const value of VALUES) yield { method, path: named({}), body: { ...whole, [name]: value } }
    }
  }

  /** What is wrong with an answer; undefined when nothing is. */
  function faultOf({ status, headers, body }: Answer): string | undefined {
    if (status >= 500 && status !== 503) return `a server error ${status}`
    if (status < 400) return undefined
    if (!headers.get('content-type')?.startsWith('application/problem+json'))
      return `${status} without a problem`
    if (!/^[a-z][a-z_]+$/.test(body.code) || body.status !== status) return `${status} without a code`
    return undefined
  }

  it('is taken, or refused with a problem and its code: never a fault of the server', async () => {
    const faults: string[] = []
    let sent = 0
    let refused = 0
    for (const [method, path, operation] of operations) {
      if (LEFT_OUT.has(path)) continue
      for (const call of callsOf(method, path, operation)) {
        const answer = await admin.send(call.method, call.path, call.body)
        if (answer.status === 401 && !path.startsWith('/api/auth/')) admin = await app.admin()
        sent++
        if (answer.status >= 400) refused++
        const fault = faultOf(answer)
        if (fault !== undefined) {
          const { body } = call
          const shown = `${call.method} ${call.path} ${body === undefined ? '' : JSON.stringify(body)}`
          faults.push(`${fault}: ${shown.slice(0, 300)} → ${answer.text.slice(0, 200)}`)
        }
      }
    }
    expect(faults).toEqual([])
    expect(sent).toBeGreaterThan(1_000)
    expect(refused / sent).toBeGreaterThan(0.5)
    expect(sent - refused).toBeGreaterThan(100)
    expect((await admin.get('/health/live')).status).toBe(200)
  }, 240_000)
})
