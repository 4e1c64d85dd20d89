import type { Endpoint, EndpointInput, EndpointPatch } from '../../lib/api/types.ts'

/** What the dialog holds. Secrets start empty: the API never gives them back. */
export interface EndpointForm {
  kind: 'docker' | 'portainer'
  name: string
  url: string
  apiKey: string
  ca: string
  cert: string
  key: string
  verify: boolean
  allowActions: boolean
  enabled: boolean
}

export function toForm(endpoint: Endpoint | null): EndpointForm {
  return {
    kind: endpoint?.kind === 'portainer' ? 'portainer' : 'docker',
    name: endpoint?.name ?? '',
    url: endpoint?.url ?? '',
    apiKey: '',
    ca: '',
    cert: '',
    key: '',
    verify: true,
    allowActions: endpoint?.allowActions ?? false,
    enabled: endpoint?.enabled ?? true,
  }
}

/** TLS as the API takes it; undefined when the form says nothing about it. */
function tlsOf(form: EndpointForm): NonNullable<EndpointInput['tls']> | undefined {
  const { ca, cert, key, verify } = form
  if (ca === '' && cert === '' && key === '' && verify) return undefined
  return {
    verify,
    ...(ca === '' ? {} : { ca }),
    ...(cert === '' ? {} : { cert }),
    ...(key === '' ? {} : { key }),
  }
}

export function toInput(form: EndpointForm): EndpointInput {
  const tls = tlsOf(form)
  return {
    kind: form.kind,
    name: form.name,
    url: form.url,
    allowActions: form.allowActions,
    ...(form.apiKey === '' ? {} : { apiKey: form.apiKey }),
    ...(tls ? { tls } : {}),
  }
}

/** Only what changed; secrets left empty stay as they are. */
export function toPatch(form: EndpointForm, before: Endpoint): EndpointPatch {
  const tls = tlsOf(form)
  return {
    ...(form.name === before.name ? {} : { name: form.name }),
    ...(form.url === (before.url ?? '') ? {} : { url: form.url }),
    ...(form.allowActions === before.allowActions ? {} : { allowActions: form.allowActions }),
    ...(form.enabled === before.enabled ? {} : { enabled: form.enabled }),
    ...(form.apiKey === '' ? {} : { apiKey: form.apiKey }),
    ...(tls ? { tls } : {}),
  }
}
