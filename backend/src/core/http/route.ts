import type { Request, Response } from 'express'
import { z } from 'zod'
import type { Json } from '../../db/app-db.ts'
import { invalid } from '../errors.ts'
import { isStorable } from '../text.ts'
import type { Principal, Role, Scope } from './principal.ts'

export type Access = Role | 'public'
export type Method = 'get' | 'post' | 'put' | 'patch' | 'delete'

/** A body that is not JSON, written by the handler itself. */
export interface StreamResponse {
  readonly contentType: string
  readonly description: string
  /** Of one line, where the body is a JSON text per line. */
  readonly line?: z.ZodType
}

/** `null`: an answer without a body. */
export type ResponseSpec = z.ZodType | StreamResponse | null
export type Responses = Readonly<Record<number, ResponseSpec>>

export interface AuditNote {
  readonly targetType?: string
  readonly targetId?: string
  /** Before and after where sensible; fields that name a secret are redacted. */
  readonly details?: Readonly<Record<string, unknown>>
}

export interface RouteSpec {
  readonly method: Method
  /** OpenAPI form: `/api/containers/{endpointId}/{containerId}`. */
  readonly path: string
  readonly summary: string
  readonly description?: string
  readonly tags: readonly string[]
  /** Lowest role. There is no default: a route without it does not compile. */
  readonly access: Access
  /** Readable on loopback while no admin exists. GET only, and nothing that names a user or a secret. */
  readonly preview?: true
  /** Answers on every binding while no admin exists: health, the setup page's needs. */
  readonly duringSetup?: true
  /** For people, not for API tokens: passwords, sessions, tokens. */
  readonly sessionOnly?: true
  /** A token with this scope may call it whatever its role. */
  readonly scope?: Scope
  readonly params?: z.ZodObject
  readonly query?: z.ZodObject
  readonly body?: z.ZodType
  /** Bytes; 256 KiB unless said. */
  readonly bodyLimit?: number
  readonly responses: Responses
  /** Action of the audit record that a call leaves, e.g. `container.restart`. */
  readonly audit?: string
}

type Output<Schema, Missing> = Schema extends z.ZodType ? z.output<Schema> : Missing

type BodyOf<Response> = Response extends z.ZodType ? z.input<Response> : undefined
type SuccessStatus = 200 | 201 | 202 | 204
/** Readonly all the way down, so that handlers may answer with frozen or cached objects. */
type Frozen<T> = T extends (infer Item)[]
  ? readonly Frozen<Item>[]
  : T extends object
    ? { readonly [K in keyof T]: Frozen<T[K]> }
    : T
type Result<R> = Frozen<{ [S in keyof R & SuccessStatus]: BodyOf<R[S]> }[keyof R & SuccessStatus]>

export interface RouteContext<Params, Query, Body> {
  readonly params: Params
  readonly query: Query
  readonly body: Body
  readonly principal: Principal
  readonly req: Request
  readonly res: Response
  readonly requestId: string
  /** Address of the client, through trusted proxies only. */
  readonly ip: string
  /** Says what the route's audit record is about; kept when the handler ends, with the outcome. */
  audit(note: AuditNote): void
}

/** A route as the HTTP layer and the OpenAPI document see it. */
export interface Route extends RouteSpec {
  handle(context: RouteContext<unknown, unknown, unknown>): Promise<unknown>
}

/**
 * Ties a description to its handler. The handler gets parsed input and returns the body of the success
 * response, or writes to `res` itself (a {@link StreamResponse}) and returns undefined.
 */
export function defineRoute<const Spec extends RouteSpec>(
  spec: Spec,
  handler: (
    context: RouteContext<
      Output<Spec['params'], Record<never, never>>,
      Output<Spec['query'], Record<never, never>>,
      Output<Spec['body'], undefined>
    >,
  ) => Promise<Result<Spec['responses']>>,
): Route {
  return {
    ...spec,
    handle: (context) =>
      handler({
        ...context,
        // TypeScript cannot see that an absent schema goes with the empty output type.
        params: parsePart('params', spec.params ?? EMPTY, context.params) as Output<
          Spec['params'],
          Record<never, never>
        >,
        query: parsePart('query', spec.query ?? EMPTY, context.query) as Output<
          Spec['query'],
          Record<never, never>
        >,
        body: parsePart('body', spec.body ?? NOTHING, context.body) as Output<Spec['body'], undefined>,
      }),
  }
}

const EMPTY = z.object({})
/** Clients that send a body with every call send an empty one. */
const NOTHING = z
  .strictObject({}, 'this call takes none')
  .optional()
  .transform(() => undefined)

function parsePart(part: 'params' | 'query' | 'body', schema: z.ZodType, value: unknown): unknown {
  const unstorable = findUnstorable(part, value)
  if (unstorable !== undefined) {
    throw invalid(`${unstorable}: text cannot have the NUL character or half of a surrogate pair`)
  }
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const issues = parsed.error.issues.map((issue) => ({
    in: part,
    path: issue.path.map(String).join('.'),
    code: issue.code,
    message: issue.message,
  }))
  const first = issues[0]
  const where = first?.path ? `${part}.${first.path}` : part
  throw invalid(`${where}: ${first?.message ?? 'not valid'}`, issues)
}

/** Where a text is that no store could give back as it came. Without recursion: bodies may be thousands of levels deep. */
function findUnstorable(part: string, input: unknown): string | undefined {
  const waiting: [string, unknown][] = [[part, input]]
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    const [at, value] = next
    if (typeof value === 'string') {
      if (!isStorable(value)) return at
    } else if (typeof value === 'object' && value !== null) {
      for (const [name, member] of Object.entries(value)) {
        if (!isStorable(name)) return at
        waiting.push([Array.isArray(value) ? at : `${at}.${name}`, member])
      }
    }
  }
  return undefined
}

export function isStreamResponse(response: ResponseSpec): response is StreamResponse {
  return response !== null && 'contentType' in response
}

/** Query values arrive as text: `true`/`false` (also `1`/`0`) and nothing else. */
export const queryBoolean = z
  .enum(['true', 'false', '1', '0'])
  .transform((value) => value === 'true' || value === '1')

/** A whole number in a query or a path. */
export const queryInteger = (min = 0, max: number = Number.MAX_SAFE_INTEGER) =>
  z.coerce.number<string>().int().min(min).max(max)

/** The id of a row, where it counts from one: 32 bits. */
export const queryId = queryInteger(1, 2 ** 31 - 1)

/** `limit` and `cursor` of a keyset-paged list; the cursor is opaque to clients. */
export const pageQuery = z.object({
  limit: queryInteger(1, 500).default(100),
  cursor: z.string().max(500).optional(),
})

/** Any JSON. Bodies come from JSON.parse, so there is nothing left to check. */
export const jsonValue = z.custom<Json>((value) => value !== undefined)

/** The envelope of every list. */
export const pageOf = <Item extends z.ZodType>(item: Item) =>
  z.object({ items: z.array(item), nextCursor: z.string().nullable() })
