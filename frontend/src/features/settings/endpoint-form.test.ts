import { expect, it } from 'vitest'
import type { Endpoint } from '../../lib/api/types.ts'
import { toForm, toInput, toPatch } from './endpoint-form.ts'

const endpoint: Endpoint = {
  id: 3,
  parentId: null,
  kind: 'docker',
  name: 'nas',
  url: 'tcp://10.0.0.5:2376',
  enabled: true,
  allowActions: false,
  status: 'up',
  error: null,
  hint: null,
  engineVersion: '29.0.0',
  apiVersion: '1.52',
  os: 'linux',
  arch: 'x86_64',
  cpus: 4,
  memoryBytes: 1,
  lastSeenAt: null,
  containers: 2,
  hasTls: true,
  hasApiKey: false,
}

it('sends nothing for an endpoint that was opened and not changed', () => {
  expect(toPatch(toForm(endpoint), endpoint)).toEqual({})
})

it('leaves stored secrets alone when another field changes', () => {
  expect(toPatch({ ...toForm(endpoint), name: 'nas-2' }, endpoint)).toEqual({ name: 'nas-2' })
})

it('replaces the certificates as one', () => {
  expect(toPatch({ ...toForm(endpoint), ca: 'PEM' }, endpoint)).toEqual({ tls: { ca: 'PEM', verify: true } })
})

it('leaves empty secrets out of a new endpoint', () => {
  expect(toInput({ ...toForm(null), name: 'a', url: 'tcp://a:2375' })).toEqual({
    kind: 'docker',
    name: 'a',
    url: 'tcp://a:2375',
    allowActions: false,
  })
})
