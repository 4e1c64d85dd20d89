import { z } from 'zod'
import { problemSchema } from './problem.ts'
import { isStreamResponse, type Responses, type Route } from './route.ts'

type JsonObject = { [key: string]: unknown }

/**
 * The OpenAPI 3.1 document of all routes. A schema with `.meta({ id: 'Name' })` becomes the component `Name`;
 * where what may be sent differs from what is answered (defaults, transforms), the sent form is `NameInput`.
 */
export function buildOpenApi(routes: readonly Route[], info: { title: string; version: string }): JsonObject {
  const components = createComponents()
  // Answers first: their forms own the plain names.
  for (const route of routes) describeResponses(route.responses, components)
  const paths: Record<string, JsonObject> = {}
  const sorted = [...routes].sort((a, b) =>
    a.path === b.path ? compare(a.method, b.method) : compare(a.path, b.path),
  )
  for (const route of sorted) {
    const item = paths[route.path] ?? {}
    paths[route.path] = item
    if (route.method in item) throw new Error(`Two routes for ${route.method.toUpperCase()} ${route.path}`)
    item[route.method] = operation(route, components)
  }
  return {
    openapi: '3.1.0',
    info,
    servers: [{ url: '/' }],
    paths,
    components: {
      schemas: components.all(),
      securitySchemes: {
        session: { type: 'apiKey', in: 'cookie', name: 'holdfast_session' },
        token: { type: 'http', scheme: 'bearer' },
      },
    },
  }
}

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)

type Components = ReturnType<typeof createComponents>

function createComponents() {
  const schemas: Record<string, unknown> = {}

  function add(name: string, schema: unknown): string {
    const known = schemas[name]
    if (known !== undefined && JSON.stringify(known) !== JSON.stringify(schema)) {
      throw new Error(`Two different schemas are called ${name}`)
    }
    schemas[name] = schema
    return name
  }

  /** The JSON Schema of `schema`, its named parts moved into the components. */
  function describe(schema: z.ZodType, io: 'input' | 'output'): unknown {
    const {
      $schema: _dialect,
      $defs: named = {},
      ...root
    } = z.toJSONSchema(schema, {
      io,
      target: 'draft-2020-12',
      unrepresentable: 'any',
      override: ({ jsonSchema, zodSchema }) => {
        delete jsonSchema.id
        // The patterns that zod adds to formats are long, and the format says it all.
        if (jsonSchema.format !== undefined) delete jsonSchema.pattern
        if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum
        if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum
        // Clients must tolerate members that a later version adds.
        if (zodSchema._zod.def.type === 'object' && jsonSchema.additionalProperties === false) {
          delete jsonSchema.additionalProperties
        }
      },
    })
    const differs = io === 'input' ? differingNames(named, schemas) : new Set<string>()
    const rename = (name: string) => (differs.has(name) ? `${name}Input` : name)
    for (const [name, each] of Object.entries(named)) add(rename(name), relink(each, rename))
    const id = z.globalRegistry.get(schema)?.id
    const linked = relink(root, rename)
    if (id === undefined || (isObject(linked) && '$ref' in linked)) return linked
    const known = schemas[id]
    const clashes = known !== undefined && JSON.stringify(known) !== JSON.stringify(linked)
    const name = add(clashes && io === 'input' ? `${id}Input` : id, linked)
    return { $ref: `#/components/schemas/${name}` }
  }

  return {
    describe,
    all: () => Object.fromEntries(Object.entries(schemas).sort(([a], [b]) => compare(a, b))),
  }
}

/** Names whose form here is not the one already known, directly or through what they refer to. */
function differingNames(named: JsonObject, known: JsonObject): Set<string> {
  const differs = new Set<string>()
  const rename = (name: string) => (differs.has(name) ? `${name}Input` : name)
  let size = -1
  while (size !== differs.size) {
    size = differs.size
    for (const [name, each] of Object.entries(named)) {
      const before = known[name]
      if (before !== undefined && JSON.stringify(before) !== JSON.stringify(relink(each, rename)))
        differs.add(name)
    }
  }
  return differs
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function relink(value: unknown, rename: (name: string) => string): unknown {
  if (Array.isArray(value)) return value.map((item) => relink(item, rename))
  if (!isObject(value)) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) =>
      key === '$ref' && typeof item === 'string'
        ? [
            key,
            item.replace(/^#\/\$defs\/(.+)$/, (_all, name: string) => `#/components/schemas/${rename(name)}`),
          ]
        : [key, relink(item, rename)],
    ),
  )
}

function operation(route: Route, components: Components): JsonObject {
  const responses = describeResponses(route.responses, components)
  const body = route.body && {
    required: true,
    content: { 'application/json': { schema: components.describe(route.body, 'input') } },
  }
  return {
    operationId: operationId(route),
    summary: route.summary,
    ...(route.description ? { description: route.description } : {}),
    tags: [...route.tags],
    parameters: [
      ...parameters('path', route.params, components),
      ...parameters('query', route.query, components),
    ],
    ...(body ? { requestBody: body } : {}),
    responses,
    security:
      route.access === 'public'
        ? []
        : route.sessionOnly
          ? [{ session: [] }]
          : [{ session: [] }, { token: [] }],
    'x-access': route.access,
    ...(route.preview ? { 'x-preview': true } : {}),
    ...(route.duringSetup ? { 'x-during-setup': true } : {}),
    ...(route.sessionOnly ? { 'x-session-only': true } : {}),
    ...(route.scope ? { 'x-scope': route.scope } : {}),
  }
}

/** `get /api/containers/{endpointId}` → `getContainersByEndpointId`. */
function operationId(route: Route): string {
  const words = route.path
    .replace(/^\/(api\/)?/, '')
    .split('/')
    .map((part) => (part.startsWith('{') ? `by-${part.slice(1, -1)}` : part))
    .join('-')
    .split(/[^a-zA-Z0-9]+/)
  return route.method + words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('')
}

function parameters(
  place: 'path' | 'query',
  schema: z.ZodObject | undefined,
  components: Components,
): JsonObject[] {
  if (!schema) return []
  return Object.entries(schema.shape).map(([name, each]) => {
    const described = components.describe(z.object({ [name]: each }), 'input')
    const properties = isObject(described) && isObject(described.properties) ? described.properties : {}
    const required =
      isObject(described) && Array.isArray(described.required) && described.required.includes(name)
    return { name, in: place, required: place === 'path' || required, schema: properties[name] ?? {} }
  })
}

function describeResponses(responses: Responses, components: Components): JsonObject {
  const described: JsonObject = {}
  for (const [status, response] of Object.entries(responses)) {
    if (response === null) described[status] = { description: 'Done' }
    else if (isStreamResponse(response)) {
      described[status] = {
        description: response.description,
        content: {
          [response.contentType]: {
            schema: response.line ? components.describe(response.line, 'output') : { type: 'string' },
          },
        },
      }
    } else {
      described[status] = {
        description: 'OK',
        content: { 'application/json': { schema: components.describe(response, 'output') } },
      }
    }
  }
  described.default = {
    description: 'Problem',
    content: { 'application/problem+json': { schema: components.describe(problemSchema, 'output') } },
  }
  return described
}
