import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { buildOpenApi } from './openapi.ts'
import { defineRoute, pageOf, pageQuery } from './route.ts'

const Part = z.object({ size: z.int().default(3) }).meta({ id: 'Part' })
const Whole = z.object({ name: z.string(), parts: z.array(Part) }).meta({ id: 'Whole' })

const post = defineRoute(
  {
    method: 'post',
    path: '/a/wholes',
    summary: 's',
    tags: ['T'],
    access: 'admin',
    body: Whole,
    responses: { 201: Whole },
  },
  async ({ body }) => body,
)
const list = defineRoute(
  {
    method: 'get',
    path: '/api/wholes/{id}',
    summary: 's',
    tags: ['T'],
    access: 'viewer',
    preview: true,
    params: z.object({ id: z.string() }),
    query: pageQuery,
    responses: { 200: pageOf(Whole) },
  },
  async () => ({ items: [], nextCursor: null }),
)

describe('buildOpenApi', () => {
  const document = JSON.parse(JSON.stringify(buildOpenApi([post, list], { title: 't', version: '1' })))

  it('names components once and refers to them', () => {
    expect(document.components.schemas.Whole.properties.parts.items).toEqual({
      $ref: '#/components/schemas/Part',
    })
    expect(
      document.paths['/api/wholes/{id}'].get.responses[200].content['application/json'].schema.properties
        .items.items,
    ).toEqual({ $ref: '#/components/schemas/Whole' })
  })

  it('gives what is sent its own name where it differs from what is answered', () => {
    expect(document.components.schemas.Part.required).toEqual(['size'])
    expect(document.components.schemas.PartInput.required).toBeUndefined()
    expect(document.components.schemas.WholeInput.properties.parts.items).toEqual({
      $ref: '#/components/schemas/PartInput',
    })
    expect(document.paths['/a/wholes'].post.requestBody.content['application/json'].schema).toEqual({
      $ref: '#/components/schemas/WholeInput',
    })
  })

  it('marks who may call what', () => {
    expect(document.paths['/a/wholes'].post['x-access']).toBe('admin')
    expect(document.paths['/api/wholes/{id}'].get).toMatchObject({ 'x-access': 'viewer', 'x-preview': true })
  })

  it('refuses two routes for the same call', () => {
    expect(() => buildOpenApi([post, post], { title: 't', version: '1' })).toThrow(/Two routes/)
  })
})
